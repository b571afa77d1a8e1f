package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// repository is a local Git repository, whose revisions are unpacked once each.
type repository struct {
	path     string
	lock     sync.Mutex
	unpacked map[string]string
}

// newest unpacks the newest commit, whatever a branch is called: compiled trees of several
// branches lie in it side by side. It returns the commit and the folder.
func (r *repository) newest() (string, string, error) {
	said, err := exec.Command("git", "-C", r.path, "rev-parse", "--verify", "HEAD").Output()
	if err != nil {
		return "", "", fmt.Errorf("%s has no commit: %w", r.path, err)
	}
	commit := strings.TrimSpace(string(said))
	r.lock.Lock()
	defer r.lock.Unlock()
	if folder, ok := r.unpacked[commit]; ok {
		return commit, folder, nil
	}
	folder, err := os.MkdirTemp("", "revision-")
	if err != nil {
		return "", "", err
	}
	archive, err := exec.Command("git", "-C", r.path, "archive", commit).Output()
	if err != nil {
		return "", "", err
	}
	unpack := exec.Command("tar", "-x", "-C", folder)
	unpack.Stdin = bytes.NewReader(archive)
	if said, err := unpack.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("%w: %s", err, said)
	}
	r.unpacked[commit] = folder
	return commit, folder, nil
}

// build is what one source of an Application holds. As in Argo CD, a directory is built by
// kustomize where it has a kustomization.yaml and the source does not say otherwise.
func build(folder string, source v1alpha1.ApplicationSource) ([]*unstructured.Unstructured, error) {
	path := filepath.Join(folder, source.Path)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil, refuse("%s: app path does not exist", source.Path)
	}
	_, err := os.Stat(filepath.Join(path, "kustomization.yaml"))
	if source.Directory == nil && err == nil {
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
			Run(filesys.MakeFsOnDisk(), path)
		if err != nil {
			return nil, refuse("kustomize build failed: %w", err)
		}
		text, err := built.AsYaml()
		if err != nil {
			return nil, err
		}
		return kube.SplitYAML(text)
	}
	return files(path, source.Directory)
}

func files(path string, how *v1alpha1.ApplicationSourceDirectory) ([]*unstructured.Unstructured, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var found []*unstructured.Unstructured
	for _, entry := range entries {
		excluded := how != nil && how.Exclude == entry.Name()
		if excluded || entry.IsDir() || filepath.Ext(entry.Name()) != ".yaml" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(path, entry.Name()))
		if err != nil {
			return nil, err
		}
		objects, err := kube.SplitYAML(text)
		if err != nil {
			return nil, refuse("%s: %w", entry.Name(), err)
		}
		found = append(found, objects...)
	}
	return found, nil
}
