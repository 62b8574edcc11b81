//go:build unix

package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// A message of a webhook is delivered although the process is killed while the receiver
// has it: another process sends it again, with the same id, within seconds.
func TestAWebhookIsDeliveredAlthoughTheProcessIsKilled(t *testing.T) {
	database, made := founding(t)
	type got struct{ id, body string }
	arrived, hold := make(chan got, 100), make(chan struct{})
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- got{r.Header.Get("webhook-id"), string(body)}
		if strings.Contains(string(body), "data.changed") {
			<-hold
		}
	}))
	defer receiver.Close()
	authority := write(t, "authority.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver.Certificate().Raw})))
	t.Setenv("SSL_CERT_FILE", authority)
	args := []string{"serve", "--listen", "127.0.0.1:0", "--drain-time", "0s", "--decision-log", "none", "--database", database,
		"--panel-tokens", made.Account + ":a-token-of-the-panel data write", "--webhook-networks", "127.0.0.0/8"}
	next := func() got {
		t.Helper()
		select {
		case g := <-arrived:
			return g
		case <-time.After(time.Minute):
			t.Fatal("nothing was delivered in a minute")
			return got{}
		}
	}
	asked := func(addr, method, path, body string) (answer map[string]any) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer a-token-of-the-panel"}, "Resellerd-User": {made.User}, "Content-Type": {"application/json"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %v %v", method, path, res.StatusCode, answer, err)
		}
		return answer
	}
	cmd, addr, _ := process(t, "1024", args...)
	asked(addr, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q}`, receiver.URL))
	if first := next(); !strings.Contains(first.body, "data.reset") {
		t.Fatalf("the first message is %s", first.body)
	}
	asked(addr, "POST", "/v1/customers", `{"name":"Otter Cars"}`)
	before := next()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	close(hold)
	cmd, addr, _ = process(t, "1024", append(slices.Clone(args), "--webhook-hold")...)
	asked(addr, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"status":"paused"}`, receiver.URL))
	select {
	case g := <-arrived:
		t.Errorf("with --webhook-hold, %+v is delivered", g)
	case <-time.After(2 * time.Second):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	cmd, addr, _ = process(t, "1024", args...)
	if after := next(); after != before {
		t.Errorf("after the kill %+v is delivered, before it was %+v", after, before)
	}
	asked(addr, "POST", "/v1/customers", `{"name":"Beaver Cars"}`)
	if last := next(); last.id == before.id || strings.Count(last.body, `"kind":"customer"`) != 1 {
		t.Errorf("the next message is %+v after %+v", last, before)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}
