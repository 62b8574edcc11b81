package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	client "resellerd/server/clients/go"
)

// Each client calls every method that it has, and every exchange is held to the
// OpenAPI document. So a client that has drifted from it fails.
func TestClientsSpeakAsOpenAPISays(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"php":        {"php", "clients/php/tests/run.php", "staff"},
		"typescript": {"node", "clients/typescript/test.mjs", "staff"},
		"python":     {"python3", "-B", "clients/python/test.py", "staff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err, "; .ci/run installs it")
			}
			run := exec.CommandContext(t.Context(), command[0], command[1:]...)
			run.Env = append(os.Environ(), "RESELLERD_URL="+watchedServer(t), "RESELLERD_TOKEN="+wideToken)
			if printed, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, printed)
			}
		})
	}
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		callAsGo(t, client.New(watchedServer(t), wideToken, time.Minute))
	})
}

// watchedServer returns the address of a server whose exchanges are held to the
// OpenAPI document.
func watchedServer(t *testing.T) string {
	s := sqliteCore(t).serve(t, nil)
	watched := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		res := send(t, s, req)
		defer res.Body.Close()
		for header, values := range res.Header {
			w.Header()[header] = values
		}
		w.WriteHeader(res.StatusCode)
		if _, err := io.Copy(w, res.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(watched.Close)
	return watched.URL
}

// callAsGo calls every method of the Go client.
func callAsGo(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	user := c.As("staff", client.From{IP: "192.0.2.7"})
	_, err := user.Me(ctx)
	must(t, err)
	panel := true
	decisions, err := user.Decide(ctx, client.Question{Action: "update", Of: "customer"},
		client.Question{Action: "read", Of: "cdr", ID: "17", Panel: &panel})
	must(t, err)
	if !decisions[0].Allowed || decisions[1].Allowed || len(decisions[1].Reasons) != 1 {
		t.Errorf("decided %v", decisions)
	}
	if menu, err := user.Menu(ctx, "customer", "user"); err != nil || len(menu) != 2 {
		t.Errorf("menu %v, %v", menu, err)
	}
	customers := user.Customers()
	made, err := customers.Create(ctx, map[string]any{"name": "Otter Cars"}, "a-key")
	must(t, err)
	changed, err := customers.Change(ctx, made.Id, map[string]any{"notes": "Ring twice."}, *made.Etag)
	must(t, err)
	_, err = customers.Change(ctx, made.Id, map[string]any{"notes": nil}, *made.Etag)
	refusedWith(t, err, http.StatusPreconditionFailed)
	rows := 0
	for _, err := range customers.Each(ctx, url.Values{"limit": {"1"}}) {
		must(t, err)
		rows++
	}
	if page, err := customers.List(ctx, url.Values{"count": {"true"}}); err != nil || *page.Total != rows {
		t.Errorf("%d rows, %v: %v", rows, page, err)
	}
	must(t, customers.Delete(ctx, made.Id, *changed.Etag))
	_, err = customers.Get(ctx, made.Id)
	refusedWith(t, err, http.StatusNotFound)
	if may, err := c.As("nobody", client.From{}).May(ctx, client.Question{Action: "read", Of: "customer"}); may || err != nil {
		t.Errorf("nobody may: %v, %v", may, err)
	}
	for _, list := range []func(context.Context, url.Values) error{
		listsOf(user.Accounts()), listsOf(user.Groups()), listsOf(user.Users()), listsOf(user.Cards()), listsOf(user.Audit()),
	} {
		must(t, list(ctx, url.Values{"limit": {"5"}}))
	}
	refusedWith(t, listsOf(user.Rates("crd_aaaaaaaaaaaaaaaaaaaaaaaaaa"))(ctx, nil), http.StatusNotFound)
}

func listsOf[T any](rows client.Rows[T]) func(context.Context, url.Values) error {
	return func(ctx context.Context, query url.Values) error {
		_, err := rows.List(ctx, query)
		return err
	}
}

func refusedWith(t *testing.T, err error, status int) {
	t.Helper()
	if refused := new(client.RefusedError); !errors.As(err, &refused) || refused.Status != status {
		t.Errorf("refused with %v, not %d", err, status)
	}
}
