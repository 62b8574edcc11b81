package main

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store"
	"resellerd/store/fault"
)

type backupCommand struct {
	Database string `help:"sqlite:FILE" default:"sqlite:resellerd.db" placeholder:"URL"`
	To       string `help:"The file to make; it must not exist." required:"" placeholder:"FILE"`
	Format   string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// backupReport is what `resellerd backup --format json` prints.
type backupReport struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// Run copies the store. It does not migrate it, so that a backup can be made before an
// upgrade with the new program.
func (c *backupCommand) Run(ctx context.Context, t terminal) (err error) {
	if err := fileThere(c.Database); err != nil {
		return err
	}
	st, err := store.Open(ctx, c.Database, store.Options{})
	if errors.Is(err, fault.ErrInvalid) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	size, err := st.Backup(ctx, c.To)
	if errors.Is(err, fault.ErrInvalid) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, backupReport{File: c.To, Bytes: size})
	}
	_, err = fmt.Fprintf(t.out, "%s: %d bytes, checked\n", c.To, size)
	return err
}
