package policies

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/filter"
	"resellerd/policies/rego"
)

// ErrorKind classifies an error that prevented a decision and, for an
// evaluation error, names its place in the policy. It returns "" for nil.
// Unlike the error's text, the result contains no value of a request.
func ErrorKind(err error) string {
	var evaluation *topdown.Error
	var shape *shapeError
	var translation *filter.Refusal
	switch {
	case err == nil:
		return ""
	case errors.Is(err, rego.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, errUndefined):
		return "undefined"
	case errors.As(err, &shape):
		return "shape"
	case errors.As(err, &translation):
		return "filter"
	case errors.As(err, &evaluation) && evaluation.Location != nil:
		return fmt.Sprintf("%s at %s:%d", evaluation.Code, evaluation.Location.File, evaluation.Location.Row)
	default:
		return "other"
	}
}
