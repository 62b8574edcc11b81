package scenario

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/policies/rego"
	"resellerd/server"
	"resellerd/store"
	"resellerd/store/seed"
)

// Failure is a sentence that does not hold.
type Failure struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	User     string `json:"user"`
	Sentence string `json:"sentence"`
	Instead  string `json:"instead"` // what holds instead
}

// Stage is a scenario's world in its own store. It can be played under several
// policies, one after the other. It is for one goroutine at a time.
type Stage struct {
	scenario *Scenario
	store    *store.Store
	holder   *server.EngineHolder
	server   *server.Server
	token    string
	ids      map[string]string // "type name" -> id
	names    map[string]string // id -> name
}

// Stage creates the world. The caller must close the stage. It returns an *Error if
// the store refuses the world.
func (s *Scenario) Stage(ctx context.Context) (*Stage, error) {
	st, err := store.Open(ctx, "sqlite::memory:", store.Options{
		Now: func() time.Time { return s.at }, Poll: time.Hour, MaxStale: 24 * time.Hour, MaxConns: 2,
	})
	if err != nil {
		return nil, err
	}
	stage := &Stage{scenario: s, store: st, holder: &server.EngineHolder{}, token: rand.Text(), names: map[string]string{}}
	if err := stage.open(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return stage, nil
}

func (g *Stage) open(ctx context.Context) error {
	if err := g.store.Migrate(ctx); err != nil {
		return err
	}
	named := &seed.Names{}
	rows, err := g.scenario.world.rows()
	if err == nil {
		err = seed.Fill(ctx, g.store, named, rows...)
	}
	if err != nil {
		return &Error{[]rego.Finding{{Code: "scenario", File: g.scenario.File, Message: "world: " + err.Error()}}}
	}
	g.ids = named.IDs()
	for row, id := range g.ids {
		_, name, _ := strings.Cut(row, " ")
		g.names[id] = name
	}
	g.server, err = server.New(server.Config{PanelTokens: g.token, DecisionLog: "none"}, g.store, g.holder,
		server.WithClock(func() time.Time { return g.scenario.at }), server.WithLogger(slog.New(slog.DiscardHandler)))
	return err
}

// Close discards the world.
func (g *Stage) Close() error { return g.store.Close() }

// Play checks every sentence under a policy, and returns those that do not hold. If
// first is set, it stops after the first of them.
func (g *Stage) Play(ctx context.Context, engine *policies.Engine, first bool) ([]Failure, error) {
	g.holder.Swap(engine)
	var failures []Failure
	for _, p := range g.scenario.people {
		v := &viewer{Stage: g, ctx: ctx, user: p.user, from: p.from}
		for _, st := range p.statements {
			err := st.ask(v)
			var broken *brokenError
			if errors.As(err, &broken) {
				return nil, fmt.Errorf("%s:%d: %w", g.scenario.File, st.line, err)
			}
			if err == nil {
				continue
			}
			failures = append(failures, Failure{
				File: g.scenario.File, Line: st.line, User: p.user, Sentence: st.text, Instead: err.Error(),
			})
			if first {
				return failures, nil
			}
		}
	}
	return failures, nil
}

// brokenError says that a question could not be asked. It says nothing about the
// policy.
type brokenError struct{ error }

// viewer sends requests for a user.
type viewer struct {
	*Stage
	ctx        context.Context
	user, from string
}

// ask sends a request like a panel.
func (v *viewer) ask(method, path string, body any) (status int, answer map[string]any, err error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, &brokenError{err}
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(v.ctx, method, "http://scenario"+path, sent)
	if err != nil {
		return 0, nil, &brokenError{err}
	}
	request.Header.Set("Authorization", "Bearer "+v.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Resellerd-User", v.user)
	if v.from != "" {
		request.Header.Set("Resellerd-Client-IP", v.from)
	}
	response, err := v.server.App().Test(request, -1)
	if err != nil {
		return 0, nil, &brokenError{err}
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, nil, &brokenError{err}
	}
	return response.StatusCode, answer, nil
}

// row returns one row as the user sees it.
func (v *viewer) row(typ, name string) (map[string]any, error) {
	status, row, err := v.ask(http.MethodGet, "/v1/"+typ+"s/"+v.ids[typ+" "+name], nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("it is not there: %s", problem(status, row))
	}
	return row, err
}

func problem(status int, answer map[string]any) string {
	text := fmt.Sprintf("%d %v", status, answer["title"])
	if reasons, ok := answer["reasons"].([]any); ok {
		text += fmt.Sprintf(" %v", reasons)
	}
	return text
}

// absent returns an error unless the row can be neither read nor listed.
func (v *viewer) absent(typ, name string) error {
	status, row, err := v.ask(http.MethodGet, "/v1/"+typ+"s/"+v.ids[typ+" "+name], nil)
	if err != nil {
		return err
	}
	listed, err := v.list(typ)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK || slices.Contains(listed, name):
		return errors.New("it is there")
	case status != http.StatusNotFound && status != http.StatusForbidden:
		return fmt.Errorf("the answer is %s", problem(status, row))
	}
	return nil
}

// lists returns an error unless the list has exactly these rows.
func (v *viewer) lists(typ string, want []string) error {
	listed, err := v.list(typ)
	if err == nil && !slices.Equal(listed, want) {
		err = fmt.Errorf("it sees %s", none(listed))
	}
	return err
}

// list returns the names of the rows of a type that the user sees, sorted.
func (v *viewer) list(typ string) ([]string, error) {
	status, page, err := v.ask(http.MethodGet, "/v1/"+typ+"s?limit=1000", nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusForbidden:
		return []string{}, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("the list is %s", problem(status, page))
	}
	rows, _ := page["items"].([]any)
	listed := make([]string, 0, len(rows))
	for _, row := range rows {
		object, _ := row.(map[string]any)
		id, _ := object["id"].(string)
		listed = append(listed, or(v.names[id], "a row without an id"))
	}
	slices.Sort(listed)
	return listed, nil
}

// columns returns the columns of a row that are shown, sorted.
func (v *viewer) columns(typ, name string) ([]string, error) {
	row, err := v.row(typ, name)
	return slices.Sorted(maps.Keys(row)), err
}

// shows returns an error unless a column of a row has this value. Ids appear as
// names.
func (v *viewer) shows(typ, name, column, want string) error {
	row, err := v.row(typ, name)
	if err != nil {
		return err
	}
	value, ok := row[column]
	if !ok {
		return fmt.Errorf("it does not show %s", column)
	}
	if got := v.written(value); got != want {
		return fmt.Errorf("it shows %s as %s", column, got)
	}
	return nil
}

func (v *viewer) written(value any) string {
	switch value := value.(type) {
	case nil:
		return "nothing"
	case string:
		return or(v.names[value], value)
	case []any:
		parts := make([]string, len(value))
		for i, part := range value {
			parts[i] = v.written(part)
		}
		slices.Sort(parts)
		return none(parts)
	}
	return fmt.Sprint(value)
}

// question is about a row by its name, an area by its path, or any row of an account.
type question struct {
	action, typ, row, id, account string
}

type answered struct {
	allowed bool
	reasons []string
}

// decide asks the decision API, as a panel does to show or hide a button.
func (v *viewer) decide(q question) (answered, error) {
	resource := map[string]any{"type": q.typ, "id": or(or(v.ids[q.typ+" "+q.row], q.id), "any")}
	if q.account != "" {
		resource["properties"] = v.proposed(q)
	}
	if _, ofCards := strings.CutPrefix(q.typ, "card/"); ofCards {
		resource["type"] = "card"
	}
	status, answer, err := v.ask(http.MethodPost, "/access/v1/evaluation", map[string]any{
		"subject": map[string]any{"type": "user", "id": v.user}, "action": map[string]any{"name": q.action},
		"resource": resource, "context": map[string]any{"reasons": true},
	})
	if err != nil {
		return answered{}, err
	}
	if status != http.StatusOK {
		return answered{}, fmt.Errorf("the answer is %s", problem(status, answer))
	}
	return readAnswer(answer), nil
}

func readAnswer(answer map[string]any) answered {
	var got answered
	got.allowed, _ = answer["decision"].(bool)
	context, _ := answer["context"].(map[string]any)
	reasons, _ := context["reasons"].([]any)
	for _, reason := range reasons {
		got.reasons = append(got.reasons, fmt.Sprint(reason))
	}
	if !got.allowed && len(got.reasons) == 0 {
		got.reasons = []string{"not_visible"} // an invisible resource is denied without reasons
	}
	slices.Sort(got.reasons)
	return got
}

// proposed returns the properties that say which account owns, or would own, the row.
func (v *viewer) proposed(q question) map[string]any {
	id := v.ids["account "+q.account]
	switch q.typ {
	case "account":
		return map[string]any{"parent_id": id}
	case "card/provider", "card/customer":
		return map[string]any{"account_id": id, "kind": strings.TrimPrefix(q.typ, "card/")}
	}
	return map[string]any{"account_id": id}
}
