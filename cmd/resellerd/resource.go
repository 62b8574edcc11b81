package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// resourceCommand works on the rows of one type through the API. The type is the name
// of the command: `resellerd customer list`.
type resourceCommand struct {
	lastingCommand
	Delete resourceDeleteCommand `cmd:"" help:"Delete a row."`
}

// lastingCommand works on rows that nobody can delete: accounts are closed instead.
type lastingCommand struct {
	List   resourceListCommand   `cmd:"" help:"List the rows that the user sees."`
	Show   resourceShowCommand   `cmd:"" help:"Show a row as the user sees it."`
	Create resourceCreateCommand `cmd:"" help:"Create a row."`
	Change resourceChangeCommand `cmd:"" help:"Change columns of a row."`
}

// collection returns the path of the rows that the command is about.
func collection(k *kong.Context) string { return "/v1/" + k.Selected().Parent.Name + "s" }

func member(k *kong.Context, id string) string { return collection(k) + "/" + url.PathEscape(id) }

// ask sends the only request of a command and prints the JSON of the answer, or passes
// it to text.
func (s *actSettings) ask(ctx context.Context, t terminal, method, path string, body any, text func(io.Writer, []byte) error) (err error) {
	d, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return d.send(ctx, method, path, "application/json", body, func(r io.Reader) error {
		answer, err := io.ReadAll(r)
		switch {
		case err != nil:
			return err
		case s.Format == "json":
			_, err = t.out.Write(answer)
			return err
		}
		return text(t.out, answer)
	})
}

type resourceListCommand struct {
	actSettings
	Filter []string `arg:"" optional:"" help:"Parameters of the list, such as status=active, name_contains=acme, sort=-created_at or limit=1000." placeholder:"NAME=VALUE"`
}

// Run prints a page of rows. With --format json, next is the cursor of the next page.
func (c *resourceListCommand) Run(ctx context.Context, k *kong.Context, t terminal) error {
	query := url.Values{}
	for _, filter := range c.Filter {
		name, value, ok := strings.Cut(filter, "=")
		if !ok {
			return usagef("%q: want NAME=VALUE", filter)
		}
		query.Add(name, value)
	}
	return c.ask(ctx, t, http.MethodGet, collection(k)+"?"+query.Encode(), nil, printRows)
}

type resourceShowCommand struct {
	actSettings
	ID string `arg:"" help:"The row's id."`
}

// Run prints the row.
func (c *resourceShowCommand) Run(ctx context.Context, k *kong.Context, t terminal) error {
	return c.ask(ctx, t, http.MethodGet, member(k, c.ID), nil, printRow)
}

type resourceCreateCommand struct {
	actSettings
	Column []string `arg:"" help:"Columns: NAME=TEXT, or NAME:=JSON for numbers, lists and objects." placeholder:"NAME=TEXT"`
}

// Run creates the row and prints it.
func (c *resourceCreateCommand) Run(ctx context.Context, k *kong.Context, t terminal) error {
	body, err := columnsIn(c.Column)
	if err != nil {
		return err
	}
	return c.ask(ctx, t, http.MethodPost, collection(k), body, printRow)
}

type resourceChangeCommand struct {
	actSettings
	ID     string   `arg:"" help:"The row's id."`
	Column []string `arg:"" help:"Columns: NAME=TEXT, or NAME:=JSON for numbers, lists, objects and null." placeholder:"NAME=TEXT"`
}

// Run changes the columns and prints the row.
func (c *resourceChangeCommand) Run(ctx context.Context, k *kong.Context, t terminal) error {
	body, err := columnsIn(c.Column)
	if err != nil {
		return err
	}
	return c.ask(ctx, t, http.MethodPatch, member(k, c.ID), body, printRow)
}

type resourceDeleteCommand struct {
	actSettings
	ID string `arg:"" help:"The row's id."`
}

// Run deletes the row.
func (c *resourceDeleteCommand) Run(ctx context.Context, k *kong.Context, t terminal) error {
	return c.ask(ctx, t, http.MethodDelete, member(k, c.ID), nil, func(w io.Writer, _ []byte) error {
		_, err := fmt.Fprintf(w, "%s is deleted\n", c.ID)
		return err
	})
}

// columnsIn reads NAME=TEXT and NAME:=JSON.
func columnsIn(given []string) (map[string]any, error) {
	columns := map[string]any{}
	for _, one := range given {
		name, value, ok := strings.Cut(one, "=")
		if !ok || name == "" || name == ":" {
			return nil, usagef("%q: want NAME=TEXT or NAME:=JSON", one)
		}
		name, isJSON := strings.CutSuffix(name, ":")
		if _, twice := columns[name]; twice {
			return nil, usagef("%s is given twice", name)
		}
		columns[name] = value
		if isJSON {
			if !json.Valid([]byte(value)) {
				return nil, usagef("%s: %q is not JSON", name, value)
			}
			columns[name] = json.RawMessage(value)
		}
	}
	return columns, nil
}

// inTables are the columns of a table, in order. A list has more in its JSON.
var inTables = []string{"id", "name", "login", "kind", "public_name", "status", "currency", "account_id"}

// noValue stands in a table for a column that a row does not show, or has no value in.
const noValue = "-"

// printRows prints the rows of a list as a table, with the columns that any of them shows.
func printRows(w io.Writer, answer []byte) error {
	var list struct {
		Items []map[string]any
		Next  string
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return err
	}
	columns := slices.DeleteFunc(slices.Clone(inTables), func(name string) bool {
		return !slices.ContainsFunc(list.Items, func(item map[string]any) bool { return item[name] != nil })
	})
	text := &page{}
	var rows [][]string
	for _, item := range list.Items {
		var cells []string
		for _, name := range columns {
			if value := item[name]; value != nil {
				cells = append(cells, fmt.Sprint(value))
			} else {
				cells = append(cells, noValue)
			}
		}
		rows = append(rows, cells)
	}
	text.table(rows)
	if list.Next != "" {
		text.line("There are more rows. For the next page, add cursor=%s", list.Next)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// printRow prints the columns of a row.
func printRow(w io.Writer, answer []byte) error {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(answer, &row); err != nil {
		return err
	}
	names := make([]string, 0, len(row))
	for name := range row {
		names = append(names, name)
	}
	slices.Sort(names)
	text := &page{}
	var rows [][]string
	for _, name := range names {
		value := string(bytes.TrimSpace(row[name]))
		var plain string
		if json.Unmarshal(row[name], &plain) == nil {
			value = plain
		}
		rows = append(rows, []string{name, value})
	}
	text.table(rows)
	_, err := io.WriteString(w, text.String())
	return err
}
