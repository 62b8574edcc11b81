package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// transfer sends or fetches a file. The caller must close the returned body. It
// returns a problem as an error.
func (d *apiClient) transfer(ctx context.Context, method, path string, query url.Values, file io.Reader, size int64, header http.Header) (io.ReadCloser, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, file)
	if err != nil {
		return nil, usagef("url %q: %v", d.base, err)
	}
	req.ContentLength, req.Header = size, header
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Resellerd-User", d.as)
	res, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusBadRequest {
		defer res.Body.Close()
		return nil, problemIn(res)
	}
	return res.Body, nil
}
