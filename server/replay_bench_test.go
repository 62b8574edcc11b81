package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/replay"
)

const benchRecords = 100_000

// BenchmarkReplay decides 100,000 records again with the policy that made them.
// The records are of users of a thousand resellers, about rows of every type.
// One in five is a list.
func BenchmarkReplay(b *testing.B) {
	e, err := policies.Load(context.Background(), policies.Embedded(), policies.Options{Schema: Schema()})
	must(b, err)
	log := benchLog(b, e)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		r, err := replay.Run(context.Background(), e, []replay.Source{{Name: "log", Reader: bytes.NewReader(log)}}, replay.Options{})
		must(b, err)
		if r.Same != benchRecords {
			b.Fatalf("%+v", r)
		}
	}
}

func benchLog(b *testing.B, e *policies.Engine) []byte {
	b.Helper()
	var log bytes.Buffer
	lines := json.NewEncoder(&log)
	types := slices.Sorted(maps.Keys(Schema()))
	for i := range benchRecords {
		account := fmt.Sprintf("acc_%03d", i%1000)
		in := benchQuestion(account, types[i%len(types)], []string{"read", "read", "update", "delete"}[i%4])
		line := map[string]any{"decision_id": fmt.Sprint(i), "policy_revision": e.Revision()}
		if i%5 == 0 {
			p := e.Plan(context.Background(), in)
			text := p.Text()
			line["path"], line["outcome"], line["reasons"] = record.FilterPath, p.Outcome, []string{}
			line["result"] = map[string]any{"filter": text.Filter, "views": text.Views, "shown": text.Columns}
		} else {
			in.Resource.ID = "row_1"
			in.Resource.Row = map[string]any{"id": "row_1", "account_id": fmt.Sprintf("acc_%03d", (i+i%3)%1000), "tenant_id": "acc_m", "status": "active"}
			d := e.Decide(context.Background(), in)
			line["path"], line["outcome"], line["reasons"] = record.DecisionPath, d.Outcome, d.Reasons
			line["result"] = map[string]any{"allow": d.Allow, "reasons": d.Reasons, "view": d.View, "columns": d.Columns}
		}
		line["input"] = e.Document(in)
		must(b, lines.Encode(line))
	}
	return log.Bytes()
}

func benchQuestion(account, typ, action string) *input.Input {
	facts := input.NewFacts(input.Facts{
		User:    map[string]any{"id": "usr_" + account, "account_id": account, "status": "active"},
		Account: input.AccountFacts{ID: account, ParentID: "acc_m", TenantID: "acc_m", Kind: "reseller", Status: "active", Depth: 1},
		Access:  map[string][]string{"*": {"create", "read", "update", "delete"}}, Groups: []input.Group{{ID: "grp_1"}},
		Below: func(string) bool { return false },
	})
	return &input.Input{
		Subject: input.Subject{Type: "user", ID: "usr_" + account, Facts: facts}, Action: input.Action{Name: action},
		Resource: input.Resource{Type: typ}, Context: input.Context{Time: twinStart},
	}
}
