package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/store"
)

// pins runs resellerd, and returns its output and exit code.
func pins(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	code, stdout, stderr := call(t, nil, args)
	return stdout + stderr, code
}

// inForce returns the revision that decides.
func (r *running) inForce(t *testing.T) string {
	t.Helper()
	_, _, revision := r.decided(t, "read")
	return revision
}

func (r *running) shows(t *testing.T, metric string) {
	t.Helper()
	if _, metrics := get(t, "http://"+r.addr+"/metrics"); !strings.Contains(metrics, metric+"\n") {
		t.Errorf("no %s", metric)
	}
}

// Two servers on one database obey one command, each with its own folder, and also
// after a restart.
func TestAPinHoldsForEveryServerAndAfterARestart(t *testing.T) {
	database, tree := newDatabase(t), t.TempDir()
	file := filepath.Join(tree, "main.rego")
	put := func(action string) { replace(t, file, fmt.Sprintf(smallPolicy, action)) }
	start := func(keep string) *running {
		return serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", database, "--policies", tree,
			"--policy-keep", keep, "--decision-log", "none")
	}
	put("read")
	folders := [2]string{t.TempDir(), t.TempDir()}
	servers := [2]*running{start(folders[0]), start(folders[1])}
	good := servers[0].inForce(t)
	put("delete")
	for _, r := range servers {
		r.logged(t, "policy in force", 1)
	}
	pin := func(args ...string) (string, int) {
		t.Helper()
		return pins(t, append([]string{"policy", "pin", "--database", database, "--policy-keep", folders[0]}, args...)...)
	}
	if out, code := pin("0123"); code != exitUsage || !strings.Contains(out, "want one of the kept ones: ") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := pin(good[:8]); code != exitOK || !strings.HasPrefix(out, "pinned: the servers put "+good) {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, r := range servers {
		r.logged(t, "policy pinned; changes wait until the pin is released", 1)
		r.logged(t, "policy in force", 2)
		r.shows(t, `resellerd_policy_pinned{cause="pin"} 1`)
	}
	put("update")
	for _, r := range servers {
		r.logged(t, "policy is pinned; a change waits", 1)
		if r.inForce(t) != good {
			t.Error("a change is in force")
		}
	}
	if out, _ := pin(); !strings.Contains(out, good) || !strings.Contains(out, "  pinned") {
		t.Errorf("listed %s", out)
	}
	replace(t, file, "package broken")
	for i, r := range servers {
		r.stop()
		servers[i] = start(folders[i])
		if servers[i].inForce(t) != good {
			t.Error("another policy is in force after a restart")
		}
		servers[i].shows(t, `resellerd_policy_pinned{cause="pin"} 1`)
		servers[i].shows(t, `resellerd_policy_info{revision="`+good+`",source="kept"} 1`)
	}
	put("create")
	if out, code := pin("release"); code != exitOK {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, r := range servers {
		r.logged(t, "policy released; changes are followed again", 1)
		for r.inForce(t) == good {
			r.logged(t, "policy in force", 2)
		}
		r.shows(t, `resellerd_policy_pinned{cause="pin"} 0`)
	}
}

// Whoever cannot have the pinned policy does not serve another one.
func TestAServerThatLacksThePinnedPolicyDoesNotStart(t *testing.T) {
	database, tree := newDatabase(t), smallTree(t)
	folder := strings.TrimPrefix(database, "sqlite:") + ".policies"
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", database, "--policies", tree, "--decision-log", "none")
	good := r.inForce(t)
	if out, code := pins(t, "policy", "pin", good, "--database", database); code != exitOK {
		t.Fatalf("exit %d: %s", code, out)
	}
	r.logged(t, "policy pinned; changes wait until the pin is released", 1)
	r.stop()
	replace(t, filepath.Join(tree, "main.rego"), fmt.Sprintf(smallPolicy, "delete"))
	restart := func(want string) {
		t.Helper()
		stderr := newOutput()
		code := run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--panel-tokens", "x", "--policies", tree, "--database", database}, nil, io.Discard, stderr)
		if code != exitPolicy || !strings.Contains(stderr.String(), want) {
			t.Errorf("exit %d: %s", code, stderr)
		}
	}
	replace(t, filepath.Join(folder, good, "main.rego"), fmt.Sprintf(smallPolicy, "update"))
	restart("is damaged: its files have the revision ")
	if err := os.RemoveAll(filepath.Join(folder, good)); err != nil {
		t.Fatal(err)
	}
	restart("the policy is not kept in " + folder)
	replace(t, filepath.Join(tree, "main.rego"), fmt.Sprintf(smallPolicy, "read"))
	r = serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", database, "--policies", tree, "--decision-log", "none")
	if r.inForce(t) != good {
		t.Error("the pinned content is not served")
	}
}

func TestAPolicyThatGivesMoreWaitsForAPerson(t *testing.T) {
	database, tree := newDatabase(t), t.TempDir()
	file := filepath.Join(tree, "main.rego")
	put := func(action string) { replace(t, file, fmt.Sprintf(smallPolicy, action)) }
	put("read")
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", database, "--policies", tree, "--policy-max-gains", "10", "--decision-log", "none")
	first := r.inForce(t)
	for _, action := range []string{"delete", "read", "read"} {
		if status, _, _ := r.decidedAs(t, "admin", action); status != 200 {
			t.Fatal(status)
		}
	}
	put("delete")
	waiting := r.logged(t, "policy allows more than before; it waits to be confirmed", 1)
	if waiting["now_allowed"] != 1.0 || waiting["of_decisions"] != 3.0 || r.inForce(t) != first {
		t.Errorf("waiting: %v", waiting)
	}
	r.shows(t, `resellerd_policy_pinned{cause="confirm"} 1`)
	if out, code := pins(t, "policy", "confirm", fmt.Sprint(waiting["revision"]), "--database", database); code != exitOK {
		t.Fatalf("exit %d: %s", code, out)
	}
	r.logged(t, "policy in force", 1)
	if r.inForce(t) != waiting["revision"] {
		t.Error("the confirmed policy is not in force")
	}
	r.shows(t, `resellerd_policy_pinned{cause="confirm"} 0`)
}

// Commands that write to the database of the servers decide as the servers do.
func TestCommandsThatWriteDecideByThePinnedPolicy(t *testing.T) {
	database, _, _, _ := withReseller(t)
	good, bad := policyTree(t), policyTree(t, "reseller/reach/reach.rego", "owner if tenant\n", "owner if tenant\n\n# another\n")
	pinned, err := policies.RevisionOf(os.DirFS(good))
	if err != nil {
		t.Fatal(err)
	}
	pin := func(revision string) {
		t.Helper()
		st, err := store.Open(t.Context(), database, store.Options{})
		if err == nil {
			err = errors.Join(st.PinPolicy(t.Context(), revision), st.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	look := lookSettings{Database: database, Policies: bad}
	other, err := look.inForce(t.Context())
	if err != nil || other.Revision() == pinned {
		t.Fatalf("%v, %v", other, err)
	}
	imports := &importSettings{lookSettings: look}
	i, err := imports.importer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.close() })

	pin(pinned)
	if _, err := look.inForce(t.Context()); exitCode(err) != exitPolicy || !strings.Contains(err.Error(), "release the pin") {
		t.Errorf("the pinned tree is nowhere: %v", err)
	}
	if err := keptFor("", database).Keep(pinned, os.DirFS(good), ""); err != nil {
		t.Fatal(err)
	}
	for _, tree := range []string{good, bad, policyTree(t, "reseller/main/main.rego", "package reseller.main", "package"), ""} {
		look.Policies = tree
		if engine, err := look.inForce(t.Context()); err != nil || engine.Revision() != pinned {
			t.Errorf("--policies %s: %v", tree, err)
		}
	}
	if err := imports.renew(t.Context(), i); err != nil || i.engines.Current().Revision() != pinned {
		t.Errorf("a repeated sync does not follow the pin: %v", err)
	}
	acts := &actSettings{lookSettings: lookSettings{Database: database, Policies: bad}, As: "owner"}
	client, err := acts.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.close() })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, client.base+"/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+client.token)
	request.Header.Set("Resellerd-User", client.as)
	answer, err := client.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Resellerd-Policy"); answer.StatusCode != http.StatusOK || got != pinned {
		t.Errorf("%d by the policy %s", answer.StatusCode, got)
	}
	pin("")
	look.Policies = bad
	if engine, err := look.inForce(t.Context()); err != nil || engine.Revision() != other.Revision() {
		t.Errorf("after a release: %v", err)
	}
}
