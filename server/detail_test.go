package server_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// faultCalls are the functions that make faults, with the places of their arguments
// for the field, -1 for none, and for the text.
var faultCalls = map[string][2]int{
	"Invalid": {0, 1}, "Conflict": {0, 1}, "invalid": {0, 1}, "malformed": {0, 1}, "refuse": {0, 1}, "Refuse": {0, 1}, "refused": {1, 2},
	"badRequest": {-1, 0}, "forbidden": {-1, 0}, "unauthorized": {-1, 0},
}

// predicates are the words that a text begins with when it continues a field's name.
var predicates = strings.Fields("is are was has have must does cannot can applies belongs refers begins names needs keeps and")

// Every detail is a whole sentence: a text about a field continues its name, a text
// about the whole stands alone, and a written detail is a sentence already.
func TestEveryDetailIsASentence(t *testing.T) {
	checked := 0
	for _, pattern := range []string{"*.go", "../store/*.go", "../store/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if fault, found := detailFault(n); found {
					checked++
					if fault != "" {
						t.Errorf("%s: %s", set.Position(n.Pos()), fault)
					}
				}
				return true
			})
		}
	}
	if checked < 150 {
		t.Errorf("only %d texts were found", checked)
	}
}

// detailFault describes the fault of a detail's text, if the node makes a detail.
func detailFault(n ast.Node) (fault string, found bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		at, known := faultCalls[calleeName(n)]
		if !known || at[1] >= len(n.Args) {
			return "", false
		}
		text, constant := beginning(n.Args[at[1]])
		if !constant || text == "" || text == "%s" {
			return "", false
		}
		if at[0] >= 0 {
			if field, constant := beginning(n.Args[at[0]]); !constant || field != "" {
				return predicateFault(text), true
			}
		}
		return aloneFault(text), true
	case *ast.CompositeLit:
		parts := map[string]string{}
		for _, e := range n.Elts {
			if pair, is := e.(*ast.KeyValueExpr); is {
				if name, is := pair.Key.(*ast.Ident); is {
					if text, constant := beginning(pair.Value); constant {
						parts[name.Name] = text
					}
				}
			}
		}
		switch typeName(n.Type) {
		case "FieldError", "":
			if text := parts["Text"]; text != "" && parts["Field"] != "" {
				return predicateFault(text), true
			}
		case "problem":
			if text := parts["detail"]; text != "" && (text[0] < 'A' || text[0] > 'Z') {
				return strconv.Quote(text) + " is not a sentence", true
			}
		}
	}
	return "", false
}

func predicateFault(text string) string {
	if word, _, _ := strings.Cut(text, " "); !slices.Contains(predicates, word) || strings.HasSuffix(text, ".") {
		return strconv.Quote(text) + " does not continue the name of a field"
	}
	return ""
}

func aloneFault(text string) string {
	word, _, more := strings.Cut(text, " ")
	if !more || slices.Contains(predicates, word) || strings.HasSuffix(text, ".") {
		return strconv.Quote(text) + " does not stand alone"
	}
	return ""
}

func calleeName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case nil:
		return ""
	}
	return "other"
}

// beginning is a constant text, or the constant part that one begins with.
func beginning(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		return beginning(e.X)
	case *ast.CallExpr:
		if calleeName(e) == "Sprintf" && len(e.Args) > 0 {
			return beginning(e.Args[0])
		}
	}
	return "", false
}
