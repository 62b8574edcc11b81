package resellerd

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
)

// Rows are the rows of one collection, as one user sees them. A column that the user may
// not see is nil. Etag is the version of the row that the user saw.
type Rows[T any] struct {
	user *User
	path string
}

// Page is a page of a list.
type Page[T any] struct {
	Items      []T
	Next, Prev string // cursors of other pages, empty if there is none
	Total      *int   // of all pages, if count was asked for
}

// List returns a page. The query is such as status=active&sort=-name&count=true.
func (r Rows[T]) List(ctx context.Context, query url.Values) (page Page[T], err error) {
	path := r.path
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	_, err = r.user.Do(ctx, http.MethodGet, path, nil, nil, &page)
	return page, err
}

// Each yields the rows of all pages. It ends after an error.
func (r Rows[T]) Each(ctx context.Context, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		for {
			page, err := r.List(ctx, query)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, row := range page.Items {
				if !yield(row, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Get returns a row.
func (r Rows[T]) Get(ctx context.Context, id string) (T, error) {
	return r.one(ctx, http.MethodGet, r.path+"/"+url.PathEscape(id), nil, nil)
}

// Create makes a row. A request with a key may be repeated: resellerd writes once for
// each key. The key may be empty.
func (r Rows[T]) Create(ctx context.Context, fields map[string]any, key string) (T, error) {
	return r.one(ctx, http.MethodPost, r.path, optional("Idempotency-Key", key), fields)
}

// Change changes fields of a row; nil clears one. If the row is no longer that of the
// tag, the status of the RefusedError is 412. Without a tag, the last change wins.
func (r Rows[T]) Change(ctx context.Context, id string, fields map[string]any, etag string) (T, error) {
	return r.one(ctx, http.MethodPatch, r.path+"/"+url.PathEscape(id), optional("If-Match", etag), fields)
}

// Delete deletes a row, if it is still that of the tag or the tag is empty.
func (r Rows[T]) Delete(ctx context.Context, id, etag string) error {
	_, err := r.user.Do(ctx, http.MethodDelete, r.path+"/"+url.PathEscape(id), optional("If-Match", etag), nil, nil)
	return err
}

// one returns the row of an answer, with the tag from its header.
func (r Rows[T]) one(ctx context.Context, method, path string, header http.Header, fields map[string]any) (row T, err error) {
	var body any
	if fields != nil {
		body = fields
	}
	got, err := r.user.Do(ctx, method, path, header, body, &row)
	if err != nil {
		return row, err
	}
	tag, err := json.Marshal(map[string]string{"etag": got.Get("ETag")})
	if err != nil {
		return row, err
	}
	return row, json.Unmarshal(tag, &row)
}

func optional(name, value string) http.Header {
	if value == "" {
		return nil
	}
	return http.Header{http.CanonicalHeaderKey(name): {value}}
}
