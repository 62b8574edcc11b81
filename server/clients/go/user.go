package resellerd

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"resellerd/server/clients/go/api"
)

// User is a user of the panel: what it may do, and the rows that it sees.
type User struct {
	client *Client
	id     string
	from   From
}

// Question asks whether a user may do something: in an area, or to a row if there is an ID.
type Question struct {
	Action     string
	Of         string // an area such as cdr, or the type of a row such as customer
	ID         string
	Properties map[string]any // of a row of the panel's own tables, account_id is its owner
	Panel      *bool          // what the panel itself decided, for the report of disagreements
}

// Decision is the answer to a question. A denial has the codes of its reasons, and none
// if the row does not exist for the user.
type Decision struct {
	Allowed bool
	Reasons []string
}

// Me returns the acting user with its access.
func (u *User) Me(ctx context.Context) (me api.ActingUser, err error) {
	_, err = u.Do(ctx, http.MethodGet, "/v1/me", nil, nil, &me)
	return me, err
}

// May reports whether the user may do this.
func (u *User) May(ctx context.Context, q Question) (bool, error) {
	decisions, err := u.Decide(ctx, q)
	return err == nil && decisions[0].Allowed, err
}

// Menu returns the areas that the user may read.
func (u *User) Menu(ctx context.Context, areas ...string) ([]string, error) {
	questions := make([]Question, len(areas))
	for i, area := range areas {
		questions[i] = Question{Action: "read", Of: area}
	}
	decisions, err := u.Decide(ctx, questions...)
	if err != nil {
		return nil, err
	}
	var may []string
	for i, area := range areas {
		if decisions[i].Allowed {
			may = append(may, area)
		}
	}
	return may, nil
}

// Decide answers questions in their order. One request asks up to 1,000.
func (u *User) Decide(ctx context.Context, questions ...Question) ([]Decision, error) {
	decisions := make([]Decision, 0, len(questions))
	for chunk := range slices.Chunk(questions, 1000) {
		items := make([]any, len(chunk))
		for i, q := range chunk {
			items[i] = q.evaluation()
		}
		header := u.header(nil)
		header.Del("Resellerd-User") // the subject names the user
		header.Set("Resellerd-Reasons", "true")
		_, text, err := u.client.send(ctx, http.MethodPost, "/access/v1/evaluations", header, api.EvaluationsRequest{
			Subject: &api.EvaluationEntity{Type: "user", Id: u.id}, Evaluations: &items,
		})
		if err != nil {
			return nil, err
		}
		var answers struct {
			Evaluations []struct {
				Decision bool
				Context  struct{ Reasons []string }
			}
		}
		if err := json.Unmarshal(text, &answers); err != nil {
			return nil, err
		}
		if len(answers.Evaluations) != len(chunk) {
			return nil, errors.New("resellerd has not answered every question")
		}
		for _, answer := range answers.Evaluations {
			decisions = append(decisions, Decision{answer.Decision, answer.Context.Reasons})
		}
	}
	return decisions, nil
}

// evaluation is the question as AuthZEN writes it, without the subject.
func (q *Question) evaluation() map[string]any {
	resource := map[string]any{"type": q.Of, "id": q.ID}
	if q.ID == "" {
		resource = map[string]any{"type": "area", "id": q.Of}
	}
	if q.Properties != nil {
		resource["properties"] = q.Properties
	}
	evaluation := map[string]any{"action": map[string]any{"name": q.Action}, "resource": resource}
	if q.Panel != nil {
		evaluation["context"] = map[string]any{"panel_decision": *q.Panel}
	}
	return evaluation
}

// Do sends any request of /v1 in the name of the user, and decodes the answer into a
// value that may be nil. It returns the headers of the answer.
func (u *User) Do(ctx context.Context, method, path string, header http.Header, body, into any) (http.Header, error) {
	got, text, err := u.client.send(ctx, method, path, u.header(header), body)
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	return got, err
}

func (u *User) header(more http.Header) http.Header {
	header := http.Header{}
	maps.Copy(header, more)
	header.Set("Resellerd-User", u.id)
	if u.from.IP != "" {
		header.Set("Resellerd-Client-IP", u.from.IP)
	}
	if u.from.JWT != "" {
		header.Set("Resellerd-User-JWT", u.from.JWT)
	}
	return header
}

// Accounts are the own account and those below.
func (u *User) Accounts() Rows[api.Account] { return Rows[api.Account]{u, "/v1/accounts"} }

// Groups are the groups that the user sees.
func (u *User) Groups() Rows[api.Group] { return Rows[api.Group]{u, "/v1/groups"} }

// Users are the users that the user sees.
func (u *User) Users() Rows[api.User] { return Rows[api.User]{u, "/v1/users"} }

// Customers are the customers that the user sees.
func (u *User) Customers() Rows[api.Customer] { return Rows[api.Customer]{u, "/v1/customers"} }

// Cards are the cards that the user sees, as they look from its side.
func (u *User) Cards() Rows[api.Card] { return Rows[api.Card]{u, "/v1/cards"} }

// Audit is the audit trail, as far as the user sees it.
func (u *User) Audit() Rows[api.AuditEntry] { return Rows[api.AuditEntry]{u, "/v1/audit"} }

// Rates are the rates of a card: what they cost, or what they sell for.
func (u *User) Rates(card string) Rows[api.Rate] {
	return Rows[api.Rate]{u, "/v1/cards/" + url.PathEscape(card) + "/rates"}
}
