package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/fair"
)

// stream answers 200 and sends what write produces, as it is produced. It takes a
// place and a turn first; errors are those of take. The context lives on until write
// returns, at most Limits.Stream. It ends when the client stops reading. If write
// fails or panics, the connection is cut before the end of the body, so that no client
// takes a part for the whole. HEAD gets the headers, and nothing is written.
func (r *exchange) stream(mediaType string, write streamWriter) error {
	r.c.Status(fiber.StatusOK).Set(fiber.HeaderContentType, mediaType)
	if r.c.Method() == fiber.MethodHead { // nothing would read the stream
		r.c.Response().SetBodyStream(strings.NewReader(""), -1)
		return nil
	}
	begun, err := r.enterStream()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.s.cfg.Limits.Stream)
	ctx = r.queued(ctx)
	in, out := io.Pipe()
	s, id, route := r.s, r.DecisionID, r.From.Name
	go func() {
		defer cancel()
		err := begun.write(ctx, out, write)
		switch {
		case err == nil:
		case errors.Is(err, io.ErrClosedPipe), errors.Is(err, context.Canceled): // only Close of streamBody causes these
			s.logger.Debug("the client has gone", "route", route, "decision_id", id)
		case problemOf(err).kind.status < 500: // a limit of the caller's account
			s.logger.Debug("a streamed answer was cut off", "route", route, "decision_id", id, "error", err)
		default:
			s.logger.Error("a streamed answer was cut off", "route", route, "decision_id", id, "error", err)
		}
		out.CloseWithError(err)
	}()
	r.c.Response().SetBodyStream(&streamBody{PipeReader: in, cancel: cancel}, -1)
	return nil
}

// streaming is a stream that has a place and a turn.
type streaming struct{ place, turn *fair.Place }

func (r *exchange) enterStream() (s streaming, err error) {
	if s.place, err = r.take(r.Ctx, r.s.limiter.jobs, "jobs"); err != nil {
		return s, err
	}
	if s.turn, err = r.turn(r.Ctx); err != nil {
		s.place.Leave()
	}
	return s, err
}

// write writes the stream, and gives back the place and the turn.
func (s streaming) write(ctx context.Context, out io.Writer, write streamWriter) (err error) {
	defer s.place.Leave()
	defer s.turn.Leave()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w := bufio.NewWriterSize(considerate{ctx, out, s.turn}, 32<<10)
	if err := write(working(ctx, s.turn), w); err != nil {
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
