package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// layers finds the value of a setting that is not on the command line. It looks in
// the environment, then in the settings file; otherwise the default applies. It
// remembers the source. A flag that is not a setting is read only from the command
// line, because a forgotten variable must not turn a dry run into a write.
type layers struct {
	env      map[string]string // RESELLERD_… only
	all      map[string]string // the whole environment
	file     map[string]any
	path     string
	settings []string          // flags that are settings
	source   map[string]string // flag name -> "environment" or the file's name
	ignored  []string          // flags that are not settings but whose variable is set
}

const envPrefix = "RESELLERD_"

func newLayers(environ []string) *layers {
	l := &layers{env: map[string]string{}, all: map[string]string{}, source: map[string]string{}}
	for _, pair := range environ {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		l.all[name] = value
		if strings.HasPrefix(name, envPrefix) {
			l.env[name] = value
		}
	}
	return l
}

// variable returns an environment variable, "" if it is not set.
func (l *layers) variable(name string) string { return l.all[name] }

// envName returns the environment variable of a flag: --panel-tokens is
// RESELLERD_PANEL_TOKENS.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settingNames lists the flags that are settings, in the order of the table of
// settings. These are all flags that `config` prints, and config, url and token.
func settingNames(app *kong.Application) []string {
	var names []string
	for _, command := range app.Children {
		if command.Name == "config" {
			for _, f := range command.Flags {
				names = append(names, f.Name)
			}
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "help" || name == "format" })
	return append(names, "config", "url", "token")
}

// isSetting reports whether the environment and the settings file may set a flag.
func (l *layers) isSetting(flag string) bool { return slices.Contains(l.settings, flag) }

// help returns a flag's help line. It adds the default if the placeholder hides it,
// and the environment variable of a setting.
func (l *layers) help(v *kong.Value) string {
	var notes []string
	if v.Flag != nil && v.HasDefault && v.Flag.PlaceHolder != "" {
		notes = append(notes, v.Default)
	}
	if v.Flag != nil && l.isSetting(v.Name) {
		notes = append(notes, "$"+envName(v.Name))
	}
	if len(notes) == 0 {
		return v.Help
	}
	return fmt.Sprintf("%s [%s]", v.Help, strings.Join(notes, ", "))
}

// warn prints a warning for each variable that is set but that no flag reads.
func (l *layers) warn(w io.Writer) {
	for _, flag := range l.ignored {
		fmt.Fprintf(w, "resellerd: warning: %s is ignored: --%s exists only on the command line\n", envName(flag), flag)
	}
}

// BeforeResolve reads the settings file before any flag is looked up.
func (c *commandLine) BeforeResolve(ctx *kong.Context, l *layers) error {
	path := l.env[envName("config")]
	for _, f := range ctx.Model.Flags {
		if set, ok := ctx.FlagValue(f).(string); f.Name == "config" && ok && set != "" {
			path = set
		}
	}
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return l.load(ctx.Model, path, text)
}

// load reads a settings file. An unknown key is an error, because a misspelt setting
// must not silently keep its default.
func (l *layers) load(app *kong.Application, path string, text []byte) error {
	var tree map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("config %s: %w", path, err)
	}
	flags := flagNames(app)
	l.file, l.path = map[string]any{}, path
	for key, value := range tree {
		name := strings.ReplaceAll(key, "_", "-")
		switch {
		case l.isSetting(name):
		case slices.Contains(flags, name):
			return fmt.Errorf("config %s: %q is not a setting: give --%s on the command line", path, key, name)
		default:
			return fmt.Errorf("config %s: unknown key %q", path, key)
		}
		l.file[name] = value
	}
	return nil
}

// flagNames lists the flags of all commands, sorted and without duplicates.
func flagNames(app *kong.Application) []string {
	var names []string
	var add func(*kong.Node)
	add = func(command *kong.Node) {
		for _, f := range command.Flags {
			names = append(names, f.Name)
		}
		for _, below := range command.Children {
			add(below)
		}
	}
	add(app.Node)
	slices.Sort(names)
	return slices.Compact(names)
}

// Validate implements kong.Resolver. It does nothing, because load has validated
// already.
func (l *layers) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. A nil value leaves the flag at its default.
func (l *layers) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := l.env[envName(flag.Name)]
	if !l.isSetting(flag.Name) {
		if ok && !slices.Contains(l.ignored, flag.Name) {
			l.ignored = append(l.ignored, flag.Name)
		}
		return nil, nil
	}
	if ok {
		l.source[flag.Name] = "environment"
		return value, nil
	}
	if value, ok := l.file[flag.Name]; ok {
		l.source[flag.Name] = l.path
		return plain(value), nil
	}
	return nil, nil
}

// plain converts a YAML value to the form of the command line.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			words[i] = fmt.Sprint(item)
		}
		return strings.Join(words, ",")
	case map[string]any:
		pairs := make([]string, 0, len(v))
		for key, item := range v {
			pairs = append(pairs, fmt.Sprintf("%s=%v", key, item))
		}
		slices.Sort(pairs)
		return strings.Join(pairs, ";")
	case nil:
		return nil
	}
	return fmt.Sprint(v)
}

// settled returns the value that the environment or the settings file gives a flag,
// "" for none.
func (l *layers) settled(flag string) string {
	if value, ok := l.env[envName(flag)]; ok {
		return value
	}
	if value, ok := l.file[flag]; ok {
		text, _ := plain(value).(string)
		return text
	}
	return ""
}

// from returns the source of a flag's value: "flag", "environment", the name of the
// settings file, or "default".
func (l *layers) from(ctx *kong.Context, name string) string {
	for _, step := range ctx.Path {
		if step.Flag != nil && step.Flag.Name == name && !step.Resolved {
			return "flag"
		}
	}
	if source, ok := l.source[name]; ok {
		return source
	}
	return "default"
}
