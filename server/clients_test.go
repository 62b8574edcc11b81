package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
)

// Each client calls every method that it has, and every exchange is held to the
// OpenAPI document. So a client that has drifted from it fails.
func TestClientsSpeakAsOpenAPISays(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"php": {"php", "clients/php/tests/run.php", "staff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err, "; .ci/run installs it")
			}
			s := sqliteCore(t).serve(t, nil)
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
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
			defer proxy.Close()
			run := exec.CommandContext(t.Context(), command[0], command[1:]...)
			run.Env = append(os.Environ(), "RESELLERD_URL="+proxy.URL, "RESELLERD_TOKEN="+wideToken)
			if printed, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, printed)
			}
		})
	}
}
