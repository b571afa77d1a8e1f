package main

import (
	"context"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/sync"
	synccommon "github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/sync/resource"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type agent struct {
	config     *rest.Config
	client     dynamic.Interface
	cache      cache.ClusterCache
	kubectl    *kube.KubectlCmd
	repository *repository
}

func newAgent(kubeconfig, path string) (*agent, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 2000, 4000
	if err := warm(config); err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	live := cache.NewClusterCache(config,
		cache.SetKubectl(kubectl),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			// As in Argo CD, only what an Application owns is kept whole.
			owner, _, _ := strings.Cut(object.GetAnnotations()[common.AnnotationKeyAppInstance], ":")
			return owner, owner != ""
		}),
	)
	if err := live.EnsureSynced(); err != nil {
		return nil, err
	}
	return &agent{config, client, live, kubectl, &repository{path: path, unpacked: map[string]string{}}}, nil
}

// warm awaits the schemas of a server that was started a moment ago; a busy machine needs longer
// for them than the engine is ready to wait.
func warm(config *rest.Config) error {
	patient := rest.CopyConfig(config)
	patient.Timeout = 5 * time.Minute
	client, err := discovery.NewDiscoveryClientForConfig(patient)
	if err == nil {
		_, err = client.OpenAPISchema()
	}
	return err
}

func ownedBy(name string) func(*cache.Resource) bool {
	return func(r *cache.Resource) bool { return r.Info == name }
}

// state is a comparison of what Git and the cluster hold, pairwise.
type state struct {
	pairs sync.ReconciliationResult
	diffs *diff.DiffResultList
}

func (a *agent) difference(w *work) (*state, error) {
	live, err := a.cache.GetManagedLiveObjs(w.targets, ownedBy(w.application.Name))
	if err != nil {
		return nil, err
	}
	for key, object := range live {
		owner, _, _ := strings.Cut(object.GetAnnotations()[common.AnnotationKeyAppInstance], ":")
		if owner != "" && owner != w.application.Name && w.option("FailOnSharedResource=true") {
			return nil, refuse("Shared resource found: %s is part of applications %s and %s", key, w.application.Name, owner)
		}
	}
	pairs := sync.Reconcile(w.targets, live, w.application.Spec.Destination.Namespace, a.cache)
	options, cleanup, err := a.comparison(w)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	diffs, err := diff.DiffArray(pairs.Target, pairs.Live, options...)
	if err != nil {
		return nil, refuse("Failed to compare desired state to live state: %w", err)
	}
	return &state{pairs, diffs}, nil
}

// comparison reads how to compare from the Application's annotation, as Argo CD does.
func (a *agent) comparison(w *work) ([]diff.Option, func(), error) {
	parser := a.cache.GetGVKParser()
	options := []diff.Option{
		diff.WithLogr(logr.Discard()),
		diff.WithGVKParser(parser),
		diff.WithManager(common.ArgoCDSSAManager),
		diff.WithStructuredMergeDiff(w.option(synccommon.SyncOptionServerSideApply)),
	}
	says := func(option string) bool {
		return resource.HasAnnotationOption(w.application, common.AnnotationCompareOptions, option)
	}
	if !says("ServerSideDiff=true") {
		return options, func() {}, nil
	}
	applier, cleanup, err := kube.ManageServerSideDiffDryRuns(
		a.config, a.cache.GetOpenAPISchema(), tracing.NopTracer{}, logr.Discard(), nil)
	options = append(options,
		diff.WithServerSideDiff(true),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)),
		diff.WithIgnoreMutationWebhook(!says("IncludeMutationWebhook=true")))
	return options, cleanup, err
}

func (w *work) option(word string) bool {
	policy := w.application.Spec.SyncPolicy
	return policy != nil && policy.SyncOptions.HasOption(word)
}

type report struct {
	Resource string                `json:"resource"`
	Sync     string                `json:"sync,omitempty"`
	Health   *verdict              `json:"health,omitempty"`
	Result   synccommon.ResultCode `json:"result,omitempty"`
	Message  string                `json:"message,omitempty"`
}

// compare tells of every object of an Application whether it is as Git says, and how it is.
func (a *agent) compare(ctx context.Context, name string) (any, error) {
	w, err := a.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := a.load(w); err != nil {
		return nil, err
	}
	found, err := a.difference(w)
	if err != nil {
		return nil, err
	}
	reports := []report{}
	for index, target := range found.pairs.Target {
		live := found.pairs.Live[index]
		one := report{Sync: "Synced"}
		if target == nil || live == nil || found.diffs.Diffs[index].Modified {
			one.Sync = "OutOfSync"
		}
		if live != nil {
			said := judge(live, w.checks)
			one.Health = &said
			target = live
		}
		key := kube.GetResourceKey(target)
		one.Resource = key.String()
		reports = append(reports, one)
	}
	return map[string]any{"revision": w.revision, "resources": reports}, nil
}

// sync brings an Application to what Git holds by its own policy; a deleted one is cascaded.
func (a *agent) sync(ctx context.Context, name string) (any, error) {
	w, err := a.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if w.application.DeletionTimestamp != nil {
		return map[string]any{"phase": "Deleted"}, a.cascade(ctx, w)
	}
	if err := a.load(w); err != nil {
		return nil, err
	}
	found, err := a.difference(w)
	if err != nil {
		return nil, err
	}
	policy := w.application.Spec.SyncPolicy
	if policy == nil || policy.Automated == nil {
		return nil, refuse("application %s does not sync by itself", name)
	}
	if len(w.targets) == 0 && len(found.pairs.Live) > 0 && policy.Automated.Prune && !policy.Automated.AllowEmpty {
		return nil, refuse("auto-sync will wipe out all resources")
	}
	done := operation{phase: synccommon.OperationRunning, started: metav1.Now(), waves: []int{}}
	for {
		if err := a.step(w, found, &done); err != nil {
			return nil, err
		}
		if done.phase.Completed() {
			return done.report(w), nil
		}
		select {
		case <-ctx.Done():
			return done.report(w), nil
		case <-time.After(200 * time.Millisecond):
		}
		if found, err = a.difference(w); err != nil {
			return nil, err
		}
	}
}

// operation is how far a sync has come. The engine forgets between its steps, as the controller
// compares anew before each.
type operation struct {
	phase   synccommon.OperationPhase
	message string
	results []synccommon.ResourceSyncResult
	started metav1.Time
	waves   []int
}

func (o *operation) report(w *work) any {
	reports := []report{}
	for _, one := range o.results {
		reports = append(reports, report{
			Resource: one.ResourceKey.String(), Result: one.Status, Message: one.Message,
		})
	}
	return map[string]any{
		"revision": w.revision, "phase": o.phase, "message": o.message, "waves": o.waves, "resources": reports,
	}
}

func (a *agent) step(w *work, found *state, o *operation) error {
	running, cleanup, err := a.prepare(w, found, o)
	if err != nil {
		return err
	}
	defer cleanup()
	running.Sync()
	o.phase, o.message, o.results = running.GetState()
	return nil
}

// prepare hands the engine what Argo CD's controller hands it for an automated sync.
func (a *agent) prepare(w *work, found *state, o *operation) (sync.SyncContext, func(), error) {
	propagation := metav1.DeletePropagationForeground
	if w.option("PrunePropagationPolicy=background") {
		propagation = metav1.DeletePropagationBackground
	}
	return sync.NewSyncContext(w.revision, found.pairs, a.config, a.config, a.kubectl,
		w.application.Spec.Destination.Namespace, a.cache.GetOpenAPISchema(),
		sync.WithLogr(logr.Discard()),
		sync.WithHealthOverride(w.checks),
		sync.WithPermissionValidator(w.validate),
		sync.WithOperationSettings(false, w.application.Spec.SyncPolicy.Automated.Prune, false, false),
		sync.WithManifestValidation(!w.option(synccommon.SyncOptionsDisableValidation)),
		sync.WithInitialState(o.phase, o.message, o.results, o.started),
		sync.WithSyncWaveHook(func(_ synccommon.SyncPhase, wave int, _ bool) error {
			o.waves = append(o.waves, wave)
			return nil
		}),
		sync.WithPruneLast(w.option(synccommon.SyncOptionPruneLast)),
		sync.WithResourceModificationChecker(w.option(synccommon.SyncOptionApplyOutOfSyncOnly), found.diffs),
		sync.WithPrunePropagationPolicy(&propagation),
		sync.WithReplace(w.option(synccommon.SyncOptionReplace)),
		sync.WithServerSideApply(w.option(synccommon.SyncOptionServerSideApply)),
		sync.WithServerSideApplyManager(common.ArgoCDSSAManager),
		sync.WithSkipDryRunOnMissingResource(w.option(synccommon.SyncOptionSkipDryRunOnMissingResource)),
	)
}

// cascade deletes what a deleted Application owns and then lets it go, if its finalizer asks for it.
func (a *agent) cascade(ctx context.Context, w *work) error {
	if w.application.CascadedDeletion() {
		propagation := metav1.DeletePropagationForeground
		if w.application.GetPropagationPolicy() == v1alpha1.BackgroundPropagationPolicyFinalizer {
			propagation = metav1.DeletePropagationBackground
		}
		for key, owned := range a.cache.FindResources("", ownedBy(w.application.Name)) {
			if len(owned.OwnerRefs) > 0 || owned.Resource == nil ||
				resource.HasAnnotationOption(owned.Resource, synccommon.AnnotationSyncOptions, synccommon.SyncOptionDisableDeletion) {
				continue
			}
			err := a.kubectl.DeleteResource(ctx, a.config, owned.Resource.GroupVersionKind(), key.Name, key.Namespace,
				metav1.DeleteOptions{PropagationPolicy: &propagation})
			if err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
	}
	object, err := a.client.Resource(applications).Namespace(namespace).Get(ctx, w.application.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	// The garbage collector may have taken its own finalizer away meanwhile.
	w.application.Finalizers = object.GetFinalizers()
	w.application.UnSetCascadedDeletion()
	object.SetFinalizers(w.application.Finalizers)
	_, err = a.client.Resource(applications).Namespace(namespace).Update(ctx, object, metav1.UpdateOptions{})
	return err
}
