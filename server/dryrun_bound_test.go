package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/server/insight"
	"resellerd/store"
)

// The limit on compared users counts only users whom the acting user sees. A dry
// run that exceeds it says so.
func TestARehearsalCountsNobodyOutOfSight(t *testing.T) {
	t.Parallel()
	tree, err := treeWithDepth(1)
	must(t, err)
	files := tree.(fstest.MapFS)
	const at = "reseller/resource/user/user.rego"
	text := strings.Replace(string(files[at].Data), "visible if {", "visible if {\n\tnot input.resource.status == \"disabled\"", 1)
	files[at] = &fstest.MapFile{Data: []byte(text)}
	engine, err := policies.Load(context.Background(), files, policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	for name, c := range map[string]struct {
		visible, invisible int
		more               bool
	}{
		"as many as are compared":          {insight.MaxRehearsed, 0, false},
		"as many, and others out of sight": {insight.MaxRehearsed, 3, false},
		"one more":                         {insight.MaxRehearsed + 1, 0, true},
	} {
		w := newWorld(t, carriers.SQLite(t), engine, seedWorld)
		var group store.Group
		w.write(w.id("M"), func(tx *store.Tx) (err error) {
			if group, err = tx.CreateGroup(tctx, store.Group{AccountID: w.id("M"), Name: "many"}); err != nil {
				return err
			}
			names := make([]string, c.visible+c.invisible)
			for i := range names {
				names[i] = fmt.Sprint("user", i)
			}
			slices.SortFunc(names, func(a, b string) int { return strings.Compare(idOf("user", a), idOf("user", b)) })
			for i, name := range names {
				u := store.User{AccountID: w.id("M"), Login: name + "@x.example", Groups: []string{group.ID}, Status: store.Active}
				if i >= c.visible { // sorted after the visible users
					u.Status = "disabled"
				}
				w.name(name)
				if _, err := tx.CreateUser(tctx, u); err != nil {
					return err
				}
			}
			w.name("")
			return nil
		})
		d := w.do("m", "PATCH", "/v1/groups/"+group.ID+"?dry_run=true", `{"rows":{"customer":["read"]}}`).rehearsal()
		if d.More != c.more || len(d.Users) != insight.MaxRehearsed {
			t.Errorf("%s: %d users, more %v", name, len(d.Users), d.More)
		}
	}
}
