// Command sqlx shows a page of call records for one user: sqlx DATABASE USER. DATABASE is
// the URL of a PostgreSQL database.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"
)

// shown are the columns of the page, as the policy names them, in SQL.
var shown = []struct{ name, sql string }{
	{"id", "cdr.id"}, {"account_id", "cdr.account AS account_id"}, {"called", "cdr.called"}, {"price", "cdr.price"},
}

// filter is what resellerd answers: a condition with its arguments, and the columns that
// every row may show.
type filter struct {
	SQL     string
	Args    []any
	Columns []string
}

// filterFor asks resellerd once for the page. Without a filter, show no rows.
func filterFor(user string) (f filter, err error) {
	body, err := json.Marshal(map[string]any{
		"user": user, "area": "cdr", "dialect": "postgres",
		"columns": map[string]any{"id": map[string]string{"column": "cdr.id", "type": "integer"},
			"account_id": "cdr.account", "called": "cdr.called", "price": "cdr.price"},
	})
	if err != nil {
		return f, err
	}
	req, err := http.NewRequest(http.MethodPost, os.Getenv("RESELLERD_URL")+"/v1/filters", bytes.NewReader(body))
	if err != nil {
		return f, err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("RESELLERD_TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Timeout: 2 * time.Second}).Do(req)
	if err != nil {
		return f, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return f, fmt.Errorf("resellerd gave no filter: %s", answer.Status)
	}
	return f, json.NewDecoder(answer.Body).Decode(&f)
}

func page(database, user string) error {
	f, err := filterFor(user)
	if err != nil {
		return err
	}
	db, err := sqlx.Connect("postgres", database)
	if err != nil {
		return err
	}
	defer db.Close()
	var columns []string
	for _, column := range shown {
		if slices.Contains(f.Columns, column.name) {
			columns = append(columns, column.sql)
		}
	}
	if columns == nil {
		columns = []string{"NULL"}
	}
	from := " FROM cdr WHERE " + f.SQL
	var count int
	if err := db.Get(&count, "SELECT count(*)"+from, f.Args...); err != nil {
		return err
	}
	fmt.Println("count:", count)
	list := "SELECT " + strings.Join(columns, ", ") + from + " ORDER BY cdr.id"
	if err := write(db, "page: ", list+" LIMIT 2 OFFSET 1", f.Args); err != nil {
		return err
	}
	return write(db, "", list, f.Args)
}

// write writes the rows of a query, a line each.
func write(db *sqlx.DB, prefix, query string, args []any) error {
	rows, err := db.Queryx(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return err
		}
		texts := make([]string, len(values))
		for i, value := range values {
			if bytes, ok := value.([]byte); ok {
				value = string(bytes)
			}
			texts[i] = fmt.Sprint(value)
		}
		fmt.Println(prefix + strings.Join(texts, ","))
	}
	return rows.Err()
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: sqlx DATABASE USER")
	}
	if err := page(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
