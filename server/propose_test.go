package server

import (
	"strings"
	"testing"
)

func TestAQuestionAboutACreationIsAnsweredAsTheCreationWouldBe(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			typ        string
			properties map[string]any
			want       bool
		}{
			"a customer of one's own":           {"customer", map[string]any{}, true},
			"a customer of a named own account": {"customer", map[string]any{"account_id": w.id("A")}, true},
			"a customer of another reseller":    {"customer", map[string]any{"account_id": w.id("B")}, false},
			"a customer of nobody":              {"customer", map[string]any{"account_id": w.id("nobody")}, false},
			"a customer of something else":      {"customer", map[string]any{"account_id": map[string]any{"x": 1}}, false},
			"another tenant's, by its word":     {"customer", map[string]any{"account_id": w.id("N"), "tenant_id": w.id("M")}, false},
			"a customer card":                   {"card", map[string]any{}, true},
			"a provider card":                   {"card", map[string]any{"kind": "provider"}, false},
			"a user":                            {"user", map[string]any{}, true},
			"an account below the limit":        {"account", map[string]any{"depth": 1}, false},
			"a master":                          {"account", map[string]any{"kind": "master"}, false},
		} {
			answer := probe(w, c.typ, "new", "create", c.properties)
			if got := strings.HasPrefix(answer.want(200).body, `{"decision":true`); got != c.want {
				t.Errorf("%s: %s", name, answer.body)
			}
		}
	})
}
