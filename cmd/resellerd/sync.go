package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"resellerd/server/resource"
	"resellerd/store/paneltables"
)

// syncCommand imports the rows of a panel from the panel's own tables.
type syncCommand struct {
	importSettings
	From         string        `help:"The panel's database: mysql://USER@HOST/DATABASE." required:"" placeholder:"URL"`
	PasswordFile string        `help:"File with the password of the panel's database." placeholder:"FILE"`
	Mapping      string        `help:"YAML: which table holds which rows." required:"" placeholder:"FILE"`
	Every        time.Duration `help:"Repeat after this time, until the process is ended." placeholder:"TIME"`
	Rows         string        `help:"Write the rows to this file, as import reads them, and import nothing." placeholder:"FILE"`
}

// Run reads the tables and imports their rows, once or again and again.
func (c *syncCommand) Run(ctx context.Context, t terminal) (err error) {
	mapping, source, err := c.source()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if c.Rows != "" {
		return c.write(ctx, source, mapping)
	}
	importer, err := c.importer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, importer.close()) }()
	for first := true; ; first = false {
		if !first {
			err = c.renew(ctx, importer)
		}
		if err == nil {
			err = c.pull(ctx, t, importer, source, mapping)
		}
		if c.Every <= 0 {
			return err
		}
		if err != nil && ctx.Err() == nil {
			complain(t.err, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

func (c *syncCommand) source() (*paneltables.Mapping, *paneltables.Source, error) {
	text, err := os.ReadFile(c.Mapping)
	if err != nil {
		return nil, nil, err
	}
	mapping, err := paneltables.Parse(text)
	if err != nil {
		return nil, nil, usagef("%s: %v", c.Mapping, err)
	}
	mapping.Own = resource.CoversOwn
	password := ""
	if c.PasswordFile != "" {
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, nil, err
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	source, err := paneltables.Open(c.From, password)
	return mapping, source, err
}

// write writes the rows to a file, which has all of them or stays as it was.
func (c *syncCommand) write(ctx context.Context, source *paneltables.Source, mapping *paneltables.Mapping) error {
	if info, err := os.Stat(c.Rows); err == nil && !info.Mode().IsRegular() { // such as /dev/stdout
		file, err := os.OpenFile(c.Rows, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(source.Write(ctx, mapping, file), file.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(c.Rows), "."+filepath.Base(c.Rows)+"-*")
	if err != nil {
		return err
	}
	err = source.Write(ctx, mapping, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), c.Rows)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// pull imports the present rows.
func (c *syncCommand) pull(ctx context.Context, t terminal, importer *importer, source *paneltables.Source, mapping *paneltables.Mapping) error {
	rows, into := io.Pipe()
	read := make(chan error, 1)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		err := source.Write(reading, mapping, into)
		_ = into.CloseWithError(err) // never fails
		read <- err
	}()
	err := c.once(ctx, t, importer, mapping.Groups, rows, -1)
	_ = rows.Close() // ends the reading if the import has ended before
	stop()           // also while the panel's database works on a query
	failed := <-read
	ended := errors.Is(failed, io.ErrClosedPipe) || ctx.Err() == nil && errors.Is(failed, context.Canceled)
	if failed != nil && !ended {
		return fmt.Errorf("reading the panel: %w", failed)
	}
	return err
}

// nobodysToken is a token for a server that nobody can reach.
func nobodysToken() string { return rand.Text() }
