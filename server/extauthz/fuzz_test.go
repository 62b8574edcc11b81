package extauthz

import (
	"context"
	"net/http"
	"strings"
	"testing"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
)

// FuzzCheck reads questions that Envoy did not write. A question passes only if the
// verdict says so, and never with two Authorization headers.
func FuzzCheck(f *testing.F) {
	seed, err := proto.Marshal(&auth.CheckRequest{Attributes: &auth.AttributeContext{Request: &auth.AttributeContext_Request{
		Http: &auth.AttributeContext_HttpRequest{Method: "GET", Path: "/cdr?x=1", Headers: map[string]string{"authorization": "Bearer x", "cookie": "a=b"}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, uint16(200))
	f.Add(seed, uint16(403))
	f.Fuzz(func(t *testing.T, raw []byte, verdict uint16) {
		var asked auth.CheckRequest
		if proto.Unmarshal(raw, &asked) != nil {
			return
		}
		var got *Request
		s := &service{decide: func(_ context.Context, r Request) (Verdict, error) {
			got = &r
			return Verdict{Status: int(verdict)}, nil
		}}
		answer, err := s.Check(t.Context(), &asked)
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetStatus().GetCode() == 0 && (got == nil || verdict != http.StatusOK) {
			t.Fatalf("allowed without a verdict: %v", &asked)
		}
		headers := 0
		for name := range asked.GetAttributes().GetRequest().GetHttp().GetHeaders() {
			if strings.EqualFold(name, "authorization") {
				headers++
			}
		}
		if headers > 1 && got != nil {
			t.Fatalf("two users' tokens: %+v", got)
		}
	})
}
