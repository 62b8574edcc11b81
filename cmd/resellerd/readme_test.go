package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write the settings table into the README")

const readmePath = "../../README.md"

func readme(t *testing.T) string { return text(t, readmePath) }

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var settingsSection = regexp.MustCompile(`(?s)(<!-- settings: [^\n]*-->\n).*?(<!-- /settings -->)`)

func TestSettingsTableOfTheReadmeSaysWhatTheFlagsAre(t *testing.T) {
	page := readme(t)
	want := settingsSection.ReplaceAllString(page, "${1}"+strings.ReplaceAll(settingsTable(t), "$", "$$")+"${2}")
	if *update {
		if err := os.WriteFile(readmePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page != want {
		t.Errorf("the README differs from the flags; write it with: go test ./cmd/resellerd -run Settings -update")
	}
}

// settingsTable lists what `serve` can be told.
func settingsTable(t *testing.T) string {
	t.Helper()
	ctx, err := parse([]string{"serve"}, nil, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| Flag | Default | |\n|---|---|---|\n")
	for _, f := range ctx.Selected().Flags {
		if f.Name != "help" {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(flagText(f), "|", `\|`), code(f.Default), f.OrigHelp)
		}
	}
	return b.String()
}

func flagText(f *kong.Flag) string {
	if f.IsBool() {
		return "--" + f.Name
	}
	value := f.PlaceHolder
	if value == "" {
		value = strings.ReplaceAll(f.Tag.Enum, ",", "|")
	}
	if value == "" {
		return "--" + f.Name
	}
	return "--" + f.Name + " " + value
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func TestReadmeQuotesTheExamplesAsTheyStand(t *testing.T) {
	page := readme(t)
	for language, path := range map[string]string{
		"php": "../../testdata/examples/panel.php", "js": "../../testdata/examples/panel.mjs",
	} {
		if !strings.Contains(page, "```"+language+"\n"+text(t, path)+"```\n") {
			t.Errorf("the README does not quote %s word for word", path)
		}
	}
}

func TestReadmeExplainsEveryProblem(t *testing.T) {
	page := readme(t)
	kinds := regexp.MustCompile(`problemKind\{"(\w+)", (\d+),`).FindAllStringSubmatch(text(t, "../../server/problem.go"), -1)
	if len(kinds) == 0 {
		t.Fatal("no problems found in the server")
	}
	for _, kind := range kinds {
		if !strings.Contains(page, fmt.Sprintf("| `%s` | %s | ", kind[1], kind[2])) {
			t.Errorf("the README does not explain %s (%s)", kind[1], kind[2])
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `\\w+` \\| \\d{3} \\|").FindAllString(page, -1)
	if len(rows) != len(kinds) {
		t.Errorf("the README explains %d problems, the server has %d", len(rows), len(kinds))
	}
}

func TestEveryFlagCanBeSetByTheEnvironmentAndTheFile(t *testing.T) {
	ctx, err := parse([]string{"version"}, nil, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range flagNames(ctx.Model) {
		l := newLayers([]string{envName(name) + "=x"})
		if err := l.load(ctx.Model, "settings.yaml", []byte(strings.ReplaceAll(name, "-", "_")+": y\n")); err != nil {
			t.Error(err)
		}
		flag := &kong.Flag{Value: &kong.Value{Name: name}}
		if v, _ := l.Resolve(nil, nil, flag); v != "x" {
			t.Errorf("%s is %v, want what the environment says", name, v)
		}
		delete(l.env, envName(name))
		if v, _ := l.Resolve(nil, nil, flag); v != "y" {
			t.Errorf("%s is %v, want what the file says", name, v)
		}
	}
}
