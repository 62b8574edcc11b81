package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
)

// stream answers 200 and sends what write produces, as it is produced. The
// context lives on until write returns, at most Limits.Stream. It ends when the
// client stops reading. If write fails or panics, the connection is cut before
// the end of the body, so that no client takes a part for the whole.
func (r *exchange) stream(mediaType string, write func(ctx context.Context, w *bufio.Writer) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.s.cfg.Limits.Stream)
	in, out := io.Pipe()
	s, id, route := r.s, r.DecisionID, r.From.Name
	go func() {
		defer cancel()
		err := writeStream(ctx, out, write)
		if err != nil {
			s.logger.Error("a streamed answer was cut off", "route", route, "decision_id", id, "error", err)
		}
		out.CloseWithError(err)
	}()
	r.c.Status(fiber.StatusOK).Set(fiber.HeaderContentType, mediaType)
	r.c.Response().SetBodyStream(&streamBody{PipeReader: in, cancel: cancel}, -1)
	return nil
}

func writeStream(ctx context.Context, out io.Writer, write func(context.Context, *bufio.Writer) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w := bufio.NewWriterSize(out, 32<<10)
	if err := write(ctx, w); err != nil {
		return err
	}
	return w.Flush()
}

// streamBody tells the writer that the client is gone: the HTTP layer closes the
// body when it cannot write any more.
type streamBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the writer's context.
func (b *streamBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
