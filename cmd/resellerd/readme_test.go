package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write the reference into the pages, and the answers that differ from the release")

const (
	top           = "../../"
	readmePath    = top + "README.md"
	settingsPath  = top + "deploy/README.md"
	problemsPath  = top + "server/README.md"
	cardsPath     = top + "store/README.md"
	policiesPath  = top + "policies/README.md"
	changelogPath = "CHANGELOG.md"
)

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// settingsTable lists the settings.
func settingsTable(t *testing.T) string {
	t.Helper()
	app, l := model(t)
	flags := map[string]*kong.Flag{}
	eachFlag(app.Node, func(_ *kong.Node, f *kong.Flag) {
		if flags[f.Name] == nil { // serve comes first
			flags[f.Name] = f
		}
	})
	var b strings.Builder
	b.WriteString("| Flag | Default | Range | |\n|---|---|---|---|\n")
	for _, name := range l.settings {
		f := flags[name]
		var between string
		if least, most, ok := rangeOf(f); ok {
			between = least + " to " + most
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.ReplaceAll(flagText(f), "|", `\|`), code(f.Default), between, f.OrigHelp)
	}
	return b.String()
}

// model returns the parsed command line definition and its layers.
func model(t *testing.T) (*kong.Application, *layers) {
	t.Helper()
	ctx, err := parse([]string{"version"}, nil, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	l := newLayers(nil)
	l.settings = settingNames(ctx.Model)
	return ctx.Model, l
}

// eachFlag visits the flags of a command and of all below it.
func eachFlag(command *kong.Node, visit func(command *kong.Node, f *kong.Flag)) {
	for _, f := range command.Flags {
		visit(command, f)
	}
	for _, below := range command.Children {
		eachFlag(below, visit)
	}
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

// The README shows the clients as links and prints their output. .ci/readme runs
// them.
func TestReadmeRunsTheExamplesThatItLinksTo(t *testing.T) {
	page := text(t, readmePath)
	for program, path := range map[string]string{"php": "testdata/examples/panel.php", "node": "testdata/examples/panel.mjs"} {
		if !strings.Contains(page, "]("+path+")") || !strings.Contains(page, "\n"+program+" "+path+" ") {
			t.Errorf("the README does not link to %s and run it", path)
		}
	}
}

// Every flag is either a setting that the table lists, or is read only from the
// command line. This test covers all flags of all commands, including new ones.
func TestEveryFlagIsASettingOrReadFromTheCommandLineAlone(t *testing.T) {
	table := referenceSection("settings").FindString(text(t, settingsPath))
	app, l := model(t)
	eachFlag(app.Node, func(command *kong.Node, f *kong.Flag) {
		name := command.FullPath() + " --" + f.Name
		if len(f.Envs) > 0 {
			t.Errorf("%s reads %v past the settings", name, f.Envs)
		}
		setting := l.isSetting(f.Name)
		if listed := strings.Contains(table, "| `--"+f.Name+" ") || strings.Contains(table, "| `--"+f.Name+"`"); listed != setting {
			t.Errorf("%s: in the table: %v; a setting: %v", name, listed, setting)
		}
		if ofAnother := command != app.Node && command.Name != "serve" && command.Name != "config"; setting && ofAnother && !slices.Contains(sharedSettings, f.Name) {
			t.Errorf("%s is called like a setting of serve: give it another name, or let it mean the same and share it", name)
		}
		env, file := sources(t, app, f)
		if env != setting || file != setting {
			t.Errorf("%s: set by the environment: %v, by the file: %v; a setting: %v", name, env, file, setting)
		}
		if help := l.help(f.Value); strings.Contains(help, "$"+envName(f.Name)) != setting {
			t.Errorf("%s: the help says %q; a setting: %v", name, help, setting)
		}
	})
}

// sharedSettings are the settings that commands other than serve use as well.
var sharedSettings = []string{"config", "database", "migrate", "policies", "policy-keep", "token", "url", "revision-keep", "audit-keep"}

// sources reports whether the environment, and whether the settings file, can set a
// flag.
func sources(t *testing.T, app *kong.Application, f *kong.Flag) (env, file bool) {
	t.Helper()
	l := newLayers([]string{envName(f.Name) + "=x"})
	l.settings = settingNames(app)
	v, err := l.Resolve(nil, nil, f)
	if err != nil {
		t.Fatal(err)
	}
	if warned := slices.Contains(l.ignored, f.Name); warned != (v == nil) {
		t.Errorf("%s: the environment says %v, warned of: %v", f.Name, v, warned)
	}
	env = v == "x"
	delete(l.env, envName(f.Name))
	failed := l.load(app, "settings.yaml", []byte(strings.ReplaceAll(f.Name, "-", "_")+": y\n"))
	v, err = l.Resolve(nil, nil, f)
	if err != nil {
		t.Fatal(err)
	}
	if (failed == nil) != (v == "y") {
		t.Errorf("%s: the file sets %v, refused: %v", f.Name, v, failed)
	}
	return env, v == "y"
}
