package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs the program with these arguments and this environment.
func call(t *testing.T, environ, args []string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodesAndWhatTheySay(t *testing.T) {
	empty := t.TempDir()
	broken := write(t, "main.rego", "package reseller.main\n\nallow := {\n")
	oneRun := write(t, "settings.yaml", "apply: true\n")
	unknownKey := write(t, "settings.yaml", "listen: 127.0.0.1:0\nlisen: typo\n")
	notYAML := write(t, "settings.yaml", "a: b: c\n")
	store := "sqlite:" + filepath.Join(empty, "store.db")
	for name, c := range map[string]struct {
		environ, args []string
		code          int
		says          string
	}{
		"no command shows the commands":           {nil, nil, exitOK, "serve "},
		"help of a command":                       {nil, []string{"init", "--help"}, exitOK, "$RESELLERD_DATABASE"},
		"version":                                 {nil, []string{"version"}, exitOK, "resellerd "},
		"an unknown command":                      {nil, []string{"sing"}, exitUsage, "sing"},
		"an unknown flag":                         {nil, []string{"serve", "--lisen"}, exitUsage, "--lisen"},
		"a value that cannot be read":             {nil, []string{"config", "--body-limit", "big"}, exitUsage, "body-limit"},
		"a variable that cannot be read":          {[]string{"RESELLERD_READ_TIMEOUT=long"}, []string{"config"}, exitUsage, "read-timeout"},
		"a settings file that is absent":          {nil, []string{"config", "--config", empty + "/no.yaml"}, exitUsage, "no.yaml"},
		"a settings file with an unknown key":     {nil, []string{"config", "--config", unknownKey}, exitUsage, `unknown key "lisen"`},
		"a settings file with a flag of one run":  {nil, []string{"config", "--config", oneRun}, exitUsage, `"apply" is not a setting: give --apply`},
		"a settings file that is no YAML":         {[]string{"RESELLERD_CONFIG=" + notYAML}, []string{"config"}, exitUsage, "settings.yaml"},
		"settings that do not fit together":       {nil, []string{"config", "--tls-cert", "c.pem"}, exitUsage, "certificate and key"},
		"a socket mode that is none":              {nil, []string{"config", "--socket-mode", "rw"}, exitUsage, "socket mode"},
		"serving without anyone who may call":     {nil, []string{"serve"}, exitUsage, "--panel-tokens"},
		"serving a policy folder that is absent":  {nil, []string{"serve", "--panel-tokens", "t", "--policies", empty + "/no"}, exitUsage, "no such directory"},
		"serving a policy that does not compile":  {nil, []string{"serve", "--panel-tokens", "t", "--policies", filepath.Dir(broken)}, exitPolicy, "main.rego"},
		"a demo over a store that may be in use":  {nil, []string{"serve", "--demo", "--database", store}, exitUsage, "temporary store"},
		"the same, said by the environment":       {[]string{"RESELLERD_DATABASE=" + store}, []string{"serve", "--demo"}, exitUsage, "environment"},
		"a database of a kind that is not known":  {nil, []string{"migrate", "--database", "oracle://x"}, exitUsage, "database"},
		"a database that has no valid address":    {nil, []string{"migrate", "--database", "postgres://db:port/x"}, exitUsage, "database"},
		"a time that is negative":                 {nil, []string{"config", "--request-timeout=-1s"}, exitUsage, "want a value from 100ms to 24h"},
		"a time of months":                        {[]string{"RESELLERD_IDLE_TIMEOUT=9000h"}, []string{"config"}, exitUsage, "--idle-timeout=9000h0m0s: want"},
		"a size that is negative":                 {nil, []string{"config", "--body-limit=-1"}, exitUsage, "--body-limit=-1: want"},
		"a size of nothing":                       {nil, []string{"config", "--header-limit", "0"}, exitUsage, "want a value from 4096 to 1048576"},
		"a sample that is no number":              {nil, []string{"config", "--shadow-sample", "NaN"}, exitUsage, "want a value from 0 to 1"},
		"serving a file that init has not made":   {nil, []string{"serve", "--panel-tokens", "t", "--database", store + ".none"}, exitUsage, "resellerd init"},
		"migrating":                               {nil, []string{"migrate", "--database", store}, exitOK, "up to date"},
		"making a carrier without a login":        {nil, []string{"init", "--company", "Halyard"}, exitUsage, "--login"},
		"making a carrier with a malformed login": {nil, []string{"init", "--database", store, "--company", "Halyard", "--login", "x"}, exitError, "login"},
		"serving a PostgreSQL that is not there":  {nil, []string{"serve", "--panel-tokens", "t", "--database", "postgres://127.0.0.1:1/x"}, exitError, "database"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, c.environ, c.args)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("exit %d, want %d saying %q; stdout:\n%s\nstderr:\n%s", code, c.code, c.says, stdout, stderr)
			}
			if code != exitOK && stdout != "" {
				t.Errorf("an error goes to stderr, not %q", stdout)
			}
		})
	}
}

// write writes the text to a file in a new folder.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inForce returns the output of `resellerd config`, by setting name.
func inForce(t *testing.T, environ []string, args ...string) map[string]setting {
	t.Helper()
	code, stdout, stderr := call(t, environ, append([]string{"config", "--format", "json"}, args...))
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var list []setting
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatal(err)
	}
	byName := map[string]setting{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}

func TestAFlagGoesOverTheEnvironmentOverTheFileOverTheDefault(t *testing.T) {
	file := write(t, "settings.yaml", `
listen: 127.0.0.1:1111
metrics_listen: 127.0.0.1:2222
public-url: https://file.example
read-timeout: 3s
require-user-jwt: true
jwks: keys.json
jwt-issuer: iss
jwt-audience: aud
label: {site: eu-1, rack: 7}
`)
	environ := []string{"RESELLERD_CONFIG=" + file, "RESELLERD_LISTEN=127.0.0.1:3333", "RESELLERD_METRICS_LISTEN=127.0.0.1:4444"}
	got := inForce(t, environ, "--listen", "127.0.0.1:5555")
	for name, want := range map[string]setting{
		"listen":           {Value: "127.0.0.1:5555", Source: "flag"},
		"metrics-listen":   {Value: "127.0.0.1:4444", Source: "environment"},
		"public-url":       {Value: "https://file.example", Source: file},
		"read-timeout":     {Value: "3s", Source: file},
		"require-user-jwt": {Value: true, Source: file},
		"label":            {Value: "rack=7;site=eu-1", Source: file},
		"idle-timeout":     {Value: "1m0s", Source: "default"},
	} {
		if s := got[name]; s.Value != want.Value || s.Source != want.Source {
			t.Errorf("%s is %v from %s, want %v from %s", name, s.Value, s.Source, want.Value, want.Source)
		}
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	const secret = "hunter2hunter2"
	environ := []string{
		"RESELLERD_PANEL_TOKENS=acc_x:" + secret,
		"RESELLERD_DATABASE=postgres://panel:" + secret + "@db/resellerd?sslmode=disable&sslpassword=" + secret,
	}
	for _, format := range []string{"text", "json"} {
		code, stdout, stderr := call(t, environ, []string{"config", "--format", format})
		if code != exitOK || strings.Contains(stdout+stderr, secret) {
			t.Errorf("exit %d, printed:\n%s%s", code, stdout, stderr)
		}
		if !strings.Contains(stdout, "postgres://panel:***@db/resellerd?sslmode=disable&sslpassword=***") {
			t.Errorf("the database is not recognisable:\n%s", stdout)
		}
	}
}

func TestHidingAPassword(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:resellerd.db":                  "sqlite:resellerd.db",
		"postgres://db/x":                      "postgres://db/x",
		"postgres://u@db/x":                    "postgres://u@db/x",
		"postgres://u:p@db/x":                  "postgres://u:***@db/x",
		"postgres://u:p@ss@db/x":               "postgres://u:***@db/x",
		"postgres://db/x?password=p&sslmode=a": "postgres://db/x?password=***&sslmode=a",
	} {
		if got := hidePassword(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
