// Package coop lets long work yield between two of its parts, and writes wait before
// they begin, so that other work gets its turn. The caller decides how; by default
// nothing happens.
package coop

import "context"

type (
	key      struct{}
	queueKey struct{}
)

// Turn is the turn that long work has.
type Turn interface {
	// Yield gives the turn to other work if it is due, and waits for it again. An
	// error ends the work.
	Yield(ctx context.Context) error
	// Due reports whether Yield would wait.
	Due() bool
}

// With returns a context whose work yields a turn between two parts; nil for none.
func With(ctx context.Context, t Turn) context.Context {
	return context.WithValue(ctx, key{}, t)
}

// Yield gives other work its turn. Do not call it while a lock or a connection is
// held: the other work may need it.
func Yield(ctx context.Context) error {
	if t, ok := ctx.Value(key{}).(Turn); ok {
		return t.Yield(ctx)
	}
	return nil
}

// Due reports whether other work should have its turn. Work that cannot yield now can
// then end its part early. Any goroutine may call it.
func Due(ctx context.Context) bool {
	t, ok := ctx.Value(key{}).(Turn)
	return ok && t.Due()
}

// Queue returns a context whose writes call enter before they begin, and leave at their
// end. An error of enter ends the write.
func Queue(ctx context.Context, enter func(context.Context) (leave func(), err error)) context.Context {
	return context.WithValue(ctx, queueKey{}, enter)
}

// Enter waits until a write may begin. It holds no lock and no connection.
func Enter(ctx context.Context) (leave func(), err error) {
	if enter, ok := ctx.Value(queueKey{}).(func(context.Context) (func(), error)); ok {
		return enter(ctx)
	}
	return func() {}, nil
}
