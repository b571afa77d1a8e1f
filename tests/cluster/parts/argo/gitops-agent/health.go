package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const healthKey = "resource.customizations.health."

// overrides are the health checks among the keys of the ConfigMap argocd-cm.
func overrides(data map[string]string) lua.ResourceHealthOverrides {
	found := lua.ResourceHealthOverrides{}
	for key, script := range data {
		if kind, ok := strings.CutPrefix(key, healthKey); ok {
			// A key cannot hold a slash; Argo CD reads the first underscore as one.
			found[strings.Replace(kind, "_", "/", 1)] = v1alpha1.ResourceOverride{HealthLua: script}
		}
	}
	return found
}

// verdict is what Argo CD says of one object. A kind without a check has no status.
type verdict struct {
	Status  health.HealthStatusCode `json:"status"`
	Message string                  `json:"message"`
}

func judge(object *unstructured.Unstructured, checks health.HealthOverride) verdict {
	found, err := health.GetResourceHealth(object, checks)
	if err != nil {
		return verdict{health.HealthStatusUnknown, err.Error()}
	}
	if found == nil {
		return verdict{}
	}
	return verdict{found.Status, found.Message}
}

// tellHealth reads the data of argocd-cm, then objects, and writes a verdict for each of these.
func tellHealth(in io.Reader, out io.Writer) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	data := map[string]string{}
	if err := decoder.Decode(&data); err != nil {
		return err
	}
	checks := overrides(data)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := encoder.Encode(judge(object, checks)); err != nil {
			return err
		}
	}
}
