package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// container is what the tests read of a container in a manifest of Kubernetes.
type container struct {
	Name, RestartPolicy string
	Args                []string
	StartupProbe        struct{ HTTPGet struct{ Path string } }
	ReadinessProbe      struct{ HTTPGet struct{ Path string } }
	LivenessProbe       struct{ HTTPGet struct{ Path string } }
	Resources           struct{ Limits struct{ Memory string } }
	SecurityContext     struct {
		AllowPrivilegeEscalation *bool
		ReadOnlyRootFilesystem   bool
		Capabilities             struct{ Drop []string }
	}
}

type pod struct {
	TerminationGracePeriodSeconds int
	AutomountServiceAccountToken  *bool
	SecurityContext               struct {
		RunAsNonRoot   bool
		SeccompProfile struct{ Type string }
	}
	InitContainers, Containers []container
}

func deploymentOf(t *testing.T, path string) pod {
	t.Helper()
	// The names in these manifests are camelCase, and the decoder wants them as they are.
	var file struct {
		Spec struct{ Template struct{ Spec yaml.Node } }
	}
	unmarshal(t, path, &file)
	var fields any
	if err := file.Spec.Template.Spec.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(lowerKeys(fields))
	var p pod
	if err == nil {
		err = yaml.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func lowerKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		lower := map[string]any{}
		for k, one := range v {
			lower[strings.ToLower(k)] = lowerKeys(one)
		}
		return lower
	case []any:
		for i := range v {
			v[i] = lowerKeys(v[i])
		}
	}
	return v
}

// The panel of a pod starts after the startup probe of resellerd, and ends before it:
// https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
func TestThePanelStartsAfterItsSidecarIsReady(t *testing.T) {
	t.Parallel()
	p := deploymentOf(t, deployed+"kubernetes/sidecar/deployment.yaml")
	at := slices.IndexFunc(p.InitContainers, func(c container) bool { return c.Name == "resellerd" })
	if at < 0 || slices.ContainsFunc(p.Containers, func(c container) bool { return c.Name == "resellerd" }) {
		t.Fatal("resellerd is not an init container")
	}
	c := p.InitContainers[at]
	if c.RestartPolicy != "Always" || c.StartupProbe.HTTPGet.Path != "/readyz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("restart policy %q, startup probe %q, readiness probe %q", c.RestartPolicy, c.StartupProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path)
	}
}

func TestManifestsGiveNoMoreThanIsNeeded(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"service", "sidecar"} {
		p := deploymentOf(t, deployed+"kubernetes/"+path+"/deployment.yaml")
		if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.SeccompProfile.Type != "RuntimeDefault" ||
			p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken || p.TerminationGracePeriodSeconds <= 35 {
			t.Errorf("%s: %+v", path, p)
		}
		for _, c := range slices.Concat(p.InitContainers, p.Containers) {
			s := c.SecurityContext
			if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
				t.Errorf("%s: container %s: %+v", path, c.Name, s)
			}
			if slices.Equal(c.Args, []string{"serve"}) && (c.LivenessProbe.HTTPGet.Path != "/livez" || c.Resources.Limits.Memory == "") {
				t.Errorf("%s: container %s has no liveness probe or no memory limit", path, c.Name)
			}
		}
	}
}

func TestManifestsNameSettings(t *testing.T) {
	t.Parallel()
	known := inForce(t, nil)
	variable := regexp.MustCompile(`\bRESELLERD_[A-Z_]+\b`)
	found := 0
	err := filepath.WalkDir(deployed, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".service"}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range variable.FindAllString(string(text), -1) {
			setting := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "RESELLERD_")), "_", "-")
			_, ok := known[setting]
			if found++; !ok && setting != "url" && setting != "token" {
				t.Errorf("%s: %s is no setting", path, name)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d settings: %v", found, err)
	}
}

func TestTheUnitOfSystemdIsHardened(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("skipped: needs systemd-analyze")
	}
	// The program must exist for `verify`.
	text, err := os.ReadFile(deployed + "systemd/resellerd.service")
	if err != nil {
		t.Fatal(err)
	}
	program := write(t, "resellerd", "#!/bin/sh\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	unit := write(t, "resellerd.service", strings.ReplaceAll(string(text), "/usr/local/bin/resellerd", program))
	// 10 is the worst. 1.5 leaves room for what other versions of systemd weigh differently.
	for _, args := range [][]string{{"verify", unit}, {"security", "--offline=yes", "--threshold=15", "--no-pager", unit}} {
		out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
