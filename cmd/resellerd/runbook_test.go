package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// loggers are the names by which code reaches a log whose first argument is a message.
var loggers = []string{"logger", "log", "Logger", "level", "Error", "failure"}

// errorMessages lists the constant messages of error lines in the code.
func errorMessages(t *testing.T) (all []string) {
	t.Helper()
	for _, root := range []string{"../../server", "../../store", "../../policies", "."} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && logsError(call.Fun) && len(call.Args) > 0 {
					if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
						message, _ := strconv.Unquote(text.Value) // it is parsed already
						all = append(all, message)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// logsError reports whether a function is one of a log: log.Error, level, k.log, r.failure(err).
func logsError(fun ast.Expr) bool {
	switch fun := fun.(type) {
	case *ast.SelectorExpr:
		of, isName := fun.X.(*ast.Ident)
		field, isField := fun.X.(*ast.SelectorExpr)
		logger := isName && slices.Contains(loggers, of.Name) || isField && slices.Contains(loggers, field.Sel.Name)
		return fun.Sel.Name == "Error" && logger || fun.Sel.Name == "log" && isName && of.Name == "k"
	case *ast.Ident:
		return fun.Name == "level"
	case *ast.CallExpr:
		sel, ok := fun.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "failure"
	}
	return false
}

// Each error line names a section of the runbooks, and that section has the line.
func TestEachErrorLineSaysWhereToReadOn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(deployed + "RUNBOOKS.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		sections[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = strings.Join(strings.Fields(body), " ")
	}
	found := errorMessages(t)
	for _, message := range found {
		if runbookOf[message] == "" {
			t.Errorf("the error line %q has no runbook", message)
		}
	}
	if len(found) < 15 {
		t.Errorf("found only %d error lines: %q", len(found), found)
	}
	for message, section := range runbookOf {
		if !strings.Contains(sections[section], message) {
			t.Errorf("the section %q of the runbooks does not have the line %q", section, message)
		}
	}
}

func TestAnErrorLineNamesItsRunbook(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := (&recordSettings{LogLevel: "info"}).logger(&out)
	log.With("a", 1).Error("no decision could be made")
	log.Info("no decision could be made")
	want := `"runbook":"deploy/RUNBOOKS.md#resellerddecisionerrors"`
	if lines := strings.SplitAfter(out.String(), "\n"); !strings.Contains(lines[0], want) || strings.Contains(lines[1], want) {
		t.Errorf("got %s", out.String())
	}
}
