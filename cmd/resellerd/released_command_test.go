package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// commandFile is the file of commands in testdata/released/requests.
type commandFile struct {
	Vars     map[string]string `yaml:"vars"`
	Files    map[string]string `yaml:"files"` // created in $dir before the first command
	Commands []command         `yaml:"commands"`
}

// command is one call of the program.
type command struct {
	Args    []string `yaml:"args"`
	Environ []string `yaml:"environ"`
	Show    []string `yaml:"show"` // files of $dir to show after the command
}

// commandAnswers runs every command. A server over the demo store runs meanwhile.
func commandAnswers(t *testing.T, p program) answers {
	var file commandFile
	readYAML(t, filepath.Join(releasedDir, "requests", "commands.yaml"), &file)
	play := newSession(t, p.open(t), file.Vars)
	for name, content := range file.Files {
		path := filepath.Join(play.house.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	play.vars["released"] = releasedLog
	for _, c := range file.Commands {
		play.command(c)
	}
	return play.got
}

func (p *session) command(c command) {
	p.Helper()
	id := strings.Join(append(c.Environ[:len(c.Environ):len(c.Environ)], append([]string{"resellerd"}, c.Args...)...), " ")
	if _, twice := p.got[id]; twice {
		p.Errorf("%s: twice", id)
	}
	code, stdout, stderr := p.house.call(p.T, p.expanded(c.Environ), p.expanded(c.Args))
	var out strings.Builder
	fmt.Fprintln(&out, "exit", code)
	for _, part := range []struct{ name, text string }{{"stdout", stdout}, {"stderr", stderr}} {
		if part.text != "" {
			fmt.Fprintf(&out, "== %s\n%s", part.name, part.text)
		}
	}
	for _, name := range c.Show {
		content, err := os.ReadFile(filepath.Join(p.house.dir, name))
		if err != nil {
			p.Fatal(err)
		}
		fmt.Fprintf(&out, "== %s\n%s", name, content)
	}
	text := strings.NewReplacer(p.house.dir, "$dir", p.vars["url"], "$url", releasedLog, "$released").Replace(out.String())
	p.got[id] = p.text(text)
}

func (p *session) expanded(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = p.expand(text)
	}
	return all
}
