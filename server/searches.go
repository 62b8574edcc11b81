package server

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies/input"
	"resellerd/server/fair"
	"resellerd/server/resource"
	"resellerd/server/search"
	"resellerd/server/session"
	"resellerd/server/strictjson"
	"resellerd/store/query"
)

// The parts of a question that a search asks for.
const (
	searchedSubject  = "subject"
	searchedAction   = "action"
	searchedResource = "resource"
)

// searchAsked is an AuthZEN search request (Authorization API 1.0, 8).
type searchAsked struct {
	question
	part  string // that is asked for
	token string // of the page
	limit int    // 0 for none
}

// parseSearch reads a request's body. Each fault is a 400 that names the fault.
func parseSearch(part string, body []byte) (searchAsked, error) {
	s := searchAsked{part: part}
	have := members{1: part == searchedAction}
	var paged bool
	r := questionReader{Parser: strictjson.Parser{Data: body}, searched: part}
	err := r.whole("the body", func(name string) (*bool, func() error) {
		if name == "page" {
			return &paged, func() error { return r.page(&s) }
		}
		return r.part(&s.question, &have, name)
	})
	if err != nil {
		return s, err
	}
	return s, have.complete()
}

// page reads the token and the limit. A limit beyond the greatest one is the greatest
// one, because a page may always be shorter than its limit.
func (r *questionReader) page(s *searchAsked) error {
	var page map[string]any
	if err := r.properties("page", &page); err != nil {
		return err
	}
	if token, sent := page["token"]; sent {
		text, ok := token.(string)
		if !ok {
			return malformed("page.token", "must be a string")
		}
		s.token = text
	}
	limit, sent := page["limit"]
	if !sent {
		return nil
	}
	number, ok := limit.(json.Number)
	n, err := number.Float64()
	if !ok || err != nil || n < 1 || n != math.Trunc(n) {
		return malformed("page.limit", "must be a whole number from 1")
	}
	s.limit = int(min(n, query.MaxLimit))
	return nil
}

// searchFor answers POST /access/v1/search/…: the subjects, resources or actions for
// which the evaluation of the question allows.
func searchFor(part string) func(*exchange) error {
	return func(r *exchange) error {
		body, err := r.jsonBody()
		if err != nil {
			return err
		}
		s, err := parseSearch(part, body)
		if err != nil {
			return err
		}
		if part != searchedSubject && r.Engine.Gateway().Identity(s.subject.typ) {
			s.subject.typ = session.SubjectUser
		}
		if part == searchedSubject && r.ownOnly() {
			return forbidden("a user's token can only be used to ask about that user")
		}
		from, binding, err := r.searchPosition(s)
		if err != nil {
			return err
		}
		found, next, err := r.find(s, from)
		if err != nil {
			return err
		}
		return r.sendFound(s, found, next, binding)
	}
}

// searchPosition returns where the page starts, and what its token is bound to: the
// caller and the question. Errors: 400 for the token of another caller or question.
func (r *exchange) searchPosition(s searchAsked) (search.Position, []byte, error) {
	asked, err := json.Marshal([]any{s.part, s.subject.typ, s.subject.id, s.subject.properties, s.action, s.actionProperties,
		s.resource.typ, s.resource.id, s.resource.properties, s.context})
	if err != nil {
		return search.Position{}, nil, err
	}
	binding := r.s.sealer.Mac("search", []byte(r.Caller.TokenID), []byte(r.Caller.Tenant), []byte(r.Caller.UserRef), asked)
	from := search.Position{Limit: query.DefaultLimit}
	if s.token != "" {
		text, err := r.s.sealer.Open("search", binding, s.token)
		known := false
		if err == nil {
			from, known = search.ParsePosition(text)
		}
		if !known {
			return from, nil, malformed("page.token", "does not belong to this question")
		}
	}
	if s.limit != 0 {
		from.Limit = s.limit
	}
	return from, binding, nil
}

// find returns a page of ids or names.
func (r *exchange) find(s searchAsked, from search.Position) ([]string, *search.Position, error) {
	switch {
	case s.part == searchedSubject:
		sources := []search.Source{search.List(r.Engine.Catalogued(s.subject.typ))}
		if s.subject.typ == session.SubjectUser || r.Engine.Gateway().Identity(s.subject.typ) {
			sources = append([]search.Source{r.UserIDs}, sources...)
		}
		return r.walk(s, from, sources...)
	case s.part == searchedAction:
		actions := search.Actions(r.Engine)
		if r.isRoute(s.question) {
			actions = r.Engine.Gateway().Methods(s.resource.id)
		}
		return r.walk(s, from, search.List(actions))
	case resource.KeepsRows(s.resource.typ):
		return r.findRows(s, from)
	}
	in := r.questionInput(s.question)
	if err := r.loadQuestioned(in, s.question); err != nil {
		return nil, nil, err
	}
	if r.isRoute(s.question) {
		return r.walk(s, from, search.List(r.Engine.Gateway().Templates()))
	}
	if s.resource.typ == input.AreaType {
		areas, err := r.areasOfSubject()
		if err != nil {
			return nil, nil, err
		}
		return r.walk(s, from, search.List(search.Areas(r.Engine, areas)))
	}
	return r.walk(s, from, search.List(r.Engine.Catalogued(s.resource.typ)))
}

// areasOfSubject returns the areas for which the subject's access has a name. Of those that
// only a ceiling names, these are the ones in which the ceiling makes a difference.
func (r *exchange) areasOfSubject() ([]string, error) {
	if r.Subject == nil {
		return nil, nil
	}
	access, err := r.AccessUnrecorded()
	return slices.AppendSeq(slices.Clone(r.Subject.Named), maps.Keys(access)), err
}

// findRows finds stored rows by the filter that selects the rows of lists. No stored row
// can be created.
func (r *exchange) findRows(s searchAsked, from search.Position) ([]string, *search.Position, error) {
	in := r.questionInput(s.question)
	if err := r.loadQuestioned(in, s.question); err != nil {
		return nil, nil, err
	}
	q, err := r.Matching(in)
	if err != nil || s.action == "create" {
		return nil, nil, err
	}
	if r.insight().IsPreview(in) { // a filter does not compare what both users see
		return r.walk(s, from, func(after string, n int) ([]string, error) {
			page, err := r.rowsAfter(q, after, n)
			return session.IDs(page), err
		})
	}
	page, err := r.rowsAfter(q, from.After, from.Limit)
	if err != nil || page.Next == nil {
		return session.IDs(page), nil, err
	}
	return session.IDs(page), &search.Position{After: page.Next.ID, Limit: from.Limit}, nil
}

// rowsAfter returns at most n rows that follow an id, "" for the first ones.
func (r *exchange) rowsAfter(q query.Query, after string, n int) (query.Page, error) {
	q.Limit = n
	if after != "" {
		q.After = &query.Cursor{ID: after}
	}
	return r.Store.List(r.Ctx, q)
}

// walk decides candidates one by one, each as an evaluation of its own. Many of them
// take a turn of heavy work.
func (r *exchange) walk(s searchAsked, from search.Position, sources ...search.Source) ([]string, *search.Position, error) {
	var turn *fair.Place
	defer func() {
		if turn != nil {
			turn.Leave()
		}
	}()
	quiet := *r.Shared
	quiet.Count, r.Shared = walked{r.s.metrics}, &quiet
	decided := 0
	return search.Walk(sources, from, func(id string) (bool, error) {
		if decided++; decided > freeBatch && turn == nil {
			var err error
			if turn, err = r.turn(r.Ctx); err != nil {
				return false, err
			}
		}
		r.Actor, r.Subject, r.Facts = nil, nil, nil
		d, err := r.answer(s.about(id))
		return d.Allow, err
	})
}

// about returns the question about one candidate.
func (s searchAsked) about(id string) question {
	q := s.question
	switch s.part {
	case searchedSubject:
		q.subject.id = id
	case searchedAction:
		q.action = id
	default:
		q.resource.id = id
	}
	return q
}

// sendFound answers with a page, and with what a panel may have got wrong if it asks for
// reasons.
func (r *exchange) sendFound(s searchAsked, found []string, next *search.Position, binding []byte) error {
	answer := searchAnswer[any]{Page: searchPage{Count: len(found)}, Results: make([]any, len(found))}
	for i, id := range found {
		switch s.part {
		case searchedSubject:
			answer.Results[i] = foundEntity{s.subject.typ, id}
		case searchedAction:
			answer.Results[i] = foundAction{id}
		default:
			answer.Results[i] = foundEntity{s.resource.typ, id}
		}
	}
	if next != nil {
		answer.Page.NextToken = r.s.sealer.Seal("search", binding, next.Text())
	}
	if r.wantsReasons(s.question) && !r.Caller.JWT {
		answer.Context = r.searchHints(s)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// hintFilters says where the rows of a panel are found.
const hintFilters = "resellerd stores no rows of this type. Filter the panel's own table with POST /v1/filters."

// searchHints returns the context of an answer, nil for none.
func (r *exchange) searchHints(s searchAsked) *searchContext {
	hints := searchContext{Unknown: r.unknownParts(s.question)}
	if s.part == searchedResource && s.resource.typ != input.AreaType && !r.isRoute(s.question) && !resource.KeepsRows(s.resource.typ) &&
		len(r.Engine.Catalogued(s.resource.typ)) == 0 && !slices.Contains(hints.Unknown, search.ResourceType) {
		hints.Hint = hintFilters
	}
	if hints.Hint == "" && len(hints.Unknown) == 0 {
		return nil
	}
	return &hints
}

// unknownParts returns which parts of a question nothing declares. Only a panel is told.
func (r *inquiry) unknownParts(q question) []string {
	if r.Caller.JWT || r.isRoute(q) {
		return nil
	}
	var given []string
	if r.Subject != nil {
		given = r.Subject.Named
	}
	return search.Unknown(r.Engine, given, q.action, q.resource.typ)
}

// searchDoc describes a search in the OpenAPI document.
func searchDoc(summary string, body, response any) operation {
	return operation{summary: summary, tag: "decisions", body: body, response: response, headers: []string{headerReasons}}
}

type subjectSearch struct {
	Subject  searchedEntity   `json:"subject" required:"true"`
	Action   evaluationAction `json:"action" required:"true"`
	Resource evaluationEntity `json:"resource" required:"true"`
	searchOptions
}

type resourceSearch struct {
	Subject  evaluationEntity `json:"subject" required:"true"`
	Action   evaluationAction `json:"action" required:"true"`
	Resource searchedEntity   `json:"resource" required:"true"`
	searchOptions
}

type actionSearch struct {
	Subject  evaluationEntity `json:"subject" required:"true"`
	Resource evaluationEntity `json:"resource" required:"true"`
	searchOptions
}

type searchOptions struct {
	Context map[string]any `json:"context,omitempty"`
	Page    *wantedPage    `json:"page,omitempty"`
}

type wantedPage struct {
	Token string `json:"token,omitempty" description:"next_token of the page before; the question must be the same"`
	Limit int    `json:"limit,omitempty" minimum:"1" description:"the most results, 100 by default and 1000 at most; a token keeps the limit of its page"`
}

type searchedEntity struct {
	Type       string         `json:"type" required:"true"`
	ID         any            `json:"id,omitempty" description:"ignored"`
	Properties map[string]any `json:"properties,omitempty"`
}

func (subjectSearch) open()  {}
func (resourceSearch) open() {}
func (actionSearch) open()   {}
func (wantedPage) open()     {}
func (searchedEntity) open() {}

type searchAnswer[T any] struct {
	Page    searchPage     `json:"page" required:"true"`
	Context *searchContext `json:"context,omitempty"`
	Results []T            `json:"results" required:"true"`
}

type searchPage struct {
	NextToken string `json:"next_token" required:"true" description:"empty on the last page; a page before may have fewer results than its limit, or none"`
	Count     int    `json:"count" required:"true" description:"the results of this page"`
}

type searchContext struct {
	Hint    string   `json:"hint,omitempty" description:"where to find rows of this type"`
	Unknown []string `json:"unknown,omitempty" description:"action.name or resource.type, if nothing declares them"`
}

type foundEntity struct {
	Type string `json:"type" required:"true"`
	ID   string `json:"id" required:"true"`
}

type foundAction struct {
	Name string `json:"name" required:"true"`
}
