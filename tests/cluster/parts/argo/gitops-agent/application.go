package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/health"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	namespace = "argocd"
	inCluster = "https://kubernetes.default.svc"
)

var (
	applications = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	projects     = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// work is one Application with everything that decides over its sync.
type work struct {
	application *v1alpha1.Application
	project     *v1alpha1.AppProject
	cluster     *v1alpha1.Cluster
	checks      health.HealthOverride
	revision    string
	targets     []*unstructured.Unstructured
}

// open reads an Application, its project and the health checks from the API server.
func (a *agent) open(ctx context.Context, name string) (*work, error) {
	found := &work{application: &v1alpha1.Application{}, project: &v1alpha1.AppProject{}}
	if err := a.read(ctx, applications, name, found.application); err != nil {
		return nil, err
	}
	if err := a.read(ctx, projects, found.application.Spec.Project, found.project); err != nil {
		return nil, err
	}
	settings := struct{ Data map[string]string }{}
	if err := a.read(ctx, configMaps, "argocd-cm", &settings); err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	found.checks = overrides(settings.Data)
	found.cluster = destination(found.application.Spec.Destination)
	return found, nil
}

func (a *agent) read(ctx context.Context, kind schema.GroupVersionResource, name string, into any) error {
	object, err := a.client.Resource(kind).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	text, err := json.Marshal(object.Object)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// destination is the registered cluster that an Application names. All of them are the one API
// server of this agent; name and address count for the project's rule alone.
func destination(named v1alpha1.ApplicationDestination) *v1alpha1.Cluster {
	cluster := &v1alpha1.Cluster{Name: named.Name, Server: named.Server}
	if named.Server == inCluster {
		cluster.Name = "in-cluster"
	}
	if named.Server == "" {
		cluster.Server = fmt.Sprintf("https://%s.example.com", named.Name)
	}
	return cluster
}

// load builds the targets, after the project permits every source and the destination.
func (a *agent) load(w *work) error {
	spec := w.application.Spec
	if permitted, err := w.permits(spec.Destination.Namespace); err != nil || !permitted {
		return refuse("application destination %v is not permitted in project '%s'", spec.Destination, w.project.Name)
	}
	for _, source := range spec.GetSources() {
		if !w.project.IsSourcePermitted(source) {
			return refuse("application repo %s is not permitted in project '%s'", source.RepoURL, w.project.Name)
		}
		revision, folder, err := a.repository.newest()
		if err != nil {
			return err
		}
		objects, err := build(folder, source)
		if err != nil {
			return err
		}
		w.revision, w.targets = revision, append(w.targets, objects...)
	}
	return a.track(w)
}

// track marks every target as the Application's, in the namespace where it will lie.
func (a *agent) track(w *work) error {
	for _, object := range w.targets {
		gk := object.GroupVersionKind().GroupKind()
		if namespaced, err := a.cache.IsNamespaced(gk); err == nil && namespaced && object.GetNamespace() == "" {
			object.SetNamespace(w.application.Spec.Destination.Namespace)
		}
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[common.AnnotationKeyAppInstance] = fmt.Sprintf("%s:%s/%s:%s/%s",
			w.application.Name, gk.Group, gk.Kind, object.GetNamespace(), object.GetName())
		object.SetAnnotations(annotations)
	}
	return nil
}

func (w *work) permits(namespace string) (bool, error) {
	return w.project.IsDestinationPermitted(w.cluster, namespace, func(string) ([]*v1alpha1.Cluster, error) {
		return []*v1alpha1.Cluster{w.cluster}, nil
	})
}

// validate is the rule by which Argo CD lets a project's Application touch an object.
func (w *work) validate(object *unstructured.Unstructured, resource *metav1.APIResource) error {
	gk := object.GroupVersionKind().GroupKind()
	if !w.project.IsGroupKindPermitted(gk, resource.Namespaced) {
		return fmt.Errorf("resource %s:%s is not permitted in project %s", gk.Group, gk.Kind, w.project.Name)
	}
	if !resource.Namespaced {
		return nil
	}
	permitted, err := w.permits(object.GetNamespace())
	if err == nil && !permitted {
		err = fmt.Errorf("namespace %v is not permitted in project '%s'", object.GetNamespace(), w.project.Name)
	}
	return err
}

// render is what an Application asks for, with what its project has against it.
func (a *agent) render(ctx context.Context, name string) (any, error) {
	w, err := a.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := a.load(w); err != nil {
		return nil, err
	}
	reports := []report{}
	for _, object := range w.targets {
		key := kube.GetResourceKey(object)
		one := report{Resource: key.String()}
		gk := object.GroupVersionKind().GroupKind()
		if namespaced, err := a.cache.IsNamespaced(gk); err != nil {
			one.Message = err.Error()
		} else if err := w.validate(object, &metav1.APIResource{Namespaced: namespaced}); err != nil {
			one.Message = err.Error()
		}
		reports = append(reports, one)
	}
	return map[string]any{"revision": w.revision, "resources": reports}, nil
}
