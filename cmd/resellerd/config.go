package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

type configCommand struct {
	settings
	Format string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// setting is one line of `resellerd config`.
type setting struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	Source string `json:"source"` // flag, environment, default, or the settings file's name
}

// Run prints the settings that `serve` would use with the same flags, environment and
// file, and the source of each. Secrets are replaced by "***".
func (c *configCommand) Run(ctx *kong.Context, t terminal, l *layers) error {
	if _, err := c.server(); err != nil {
		return err
	}
	list := c.inForce(ctx, l)
	if c.Format == "json" {
		return printJSON(t.out, list)
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%v\t%s\n", s.Name, s.Value, s.Source)
	}
	return w.Flush()
}

func (c *configCommand) inForce(ctx *kong.Context, l *layers) []setting {
	var list []setting
	for _, f := range ctx.Selected().Flags {
		if l.isSetting(f.Name) {
			list = append(list, setting{Name: f.Name, Value: shown(f), Source: l.from(ctx, f.Name)})
		}
	}
	return list
}

// shown returns a flag's value as it may be printed.
func shown(f *kong.Flag) any {
	value := f.Target.Interface()
	switch v := value.(type) {
	case string:
		if f.Tag.Has("secret") && v != "" {
			return "***"
		}
		return hidePassword(v)
	case fmt.Stringer:
		return v.String()
	case map[string]string:
		return pairs(v)
	}
	return value
}

// pairs writes a map in the form of the command line.
func pairs(m map[string]string) string {
	list := make([]string, 0, len(m))
	for key, value := range m {
		list = append(list, key+"="+value)
	}
	slices.Sort(list)
	return strings.Join(list, ";")
}

// printJSON prints one indented document.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
