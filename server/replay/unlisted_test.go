package replay

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
)

func TestUnlistedAreasOfALogAreCounted(t *testing.T) {
	e := small(t, smallTree)
	subject := func(kind string) input.Subject {
		return input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{Account: input.AccountFacts{ID: "a", TenantID: "t", Kind: kind, Status: "active"}})}
	}
	var log strings.Builder
	for _, c := range []struct{ kind, typ, id string }{
		{"reseller", "area", "sip-admin"}, {"reseller", "sip-admin", "1"}, {"reseller", "area", "alert"},
		{"master", "area", "voicemail"}, {"reseller", "area", "policy"}, {"reseller", "card", "c"}, {"reseller", "area", "No Area"},
	} {
		in := &input.Input{Subject: subject(c.kind), Action: input.Action{Name: "read"}, Resource: input.Resource{Type: c.typ, ID: c.id}}
		text, err := json.Marshal(recorded(t, e, in, policies.Decision{Outcome: policies.OutcomeDeny}))
		must(t, err)
		log.Write(append(text, '\n'))
	}
	log.WriteString("rubbish\n")
	got, err := Unlisted(ctx, e, []Source{{"log", strings.NewReader(log.String())}})
	must(t, err)
	if want := map[string]int{"sip-admin": 2, "alert": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
