package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"resellerd/store"
	"resellerd/store/cardfile"
)

type cardExportCommand struct {
	actSettings
	Card     string `arg:"" help:"The card."`
	To       string `help:"The file. Its ending is the format: csv, ndjson, xlsx or json. - writes CSV to standard output." required:"" placeholder:"FILE|-"`
	Revision string `help:"The revision to export; the active one by default." placeholder:"ID"`
	At       string `help:"Export the rates that were in force at this time, in the format of RFC 3339." placeholder:"TIME"`
	revisionKeep
}

var exportTypes = map[string]string{
	cardfile.CSV: cardfile.MediaCSV, cardfile.XLSX: cardfile.MediaXLSX, cardfile.NDJSON: cardfile.MediaNDJSON, cardfile.JSON: cardfile.MediaJSON,
}

// Run writes the whole file or none.
func (c *cardExportCommand) Run(ctx context.Context, t terminal) (err error) {
	media := cardfile.MediaCSV
	if c.To != "-" {
		if media = exportTypes[cardfile.FormatOf(c.To)]; media == "" {
			return usagef("%s must end in csv, ndjson, xlsx or json", c.To)
		}
	}
	c.kept = store.Keep{Revisions: c.RevisionKeep}
	way, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	query := url.Values{}
	if c.Revision != "" {
		query.Set("revision", c.Revision)
	}
	if c.At != "" {
		query.Set("at", c.At)
	}
	rates, err := way.transfer(ctx, http.MethodGet, cardPath(c.Card, "rates"), query, nil, 0, http.Header{"Accept": {media}})
	if err != nil {
		return err
	}
	defer rates.Close()
	if c.To == "-" {
		_, err = io.Copy(t.out, rates)
		return err
	}
	bar := t.progress("exporting", -1)
	defer bar.done()
	return writeWhole(c.To, moving{rates, bar})
}

// writeWhole writes to a temporary file and renames it when it is complete.
func writeWhole(name string, from io.Reader) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".resellerd-export-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
