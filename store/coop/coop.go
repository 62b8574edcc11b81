// Package coop lets long work yield between two of its parts, so that other work gets
// its turn. The caller of the work decides how; by default nothing happens.
package coop

import "context"

type key struct{}

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
