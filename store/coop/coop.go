// Package coop lets long work yield between two of its parts, and writes wait before
// they begin, so that other work gets its turn. The caller decides how; by default
// nothing happens.
package coop

import "context"

type (
	key      struct{}
	queueKey struct{}
)

// With returns a context whose work calls yield between two parts. An error of yield
// ends the work.
func With(ctx context.Context, yield func(context.Context) error) context.Context {
	return context.WithValue(ctx, key{}, yield)
}

// Yield gives other work its turn. Do not call it while a lock or a connection is
// held: the other work may need it.
func Yield(ctx context.Context) error {
	if yield, ok := ctx.Value(key{}).(func(context.Context) error); ok {
		return yield(ctx)
	}
	return nil
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
