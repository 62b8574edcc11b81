package schema

import (
	"errors"

	"resellerd/store/fault"
	"resellerd/store/rating"
)

// ParseMoney reads a decimal string such as "0.0125" into an int64 at ten
// decimals. It returns ErrInvalid for anything that is no plain decimal number,
// has more decimals than are kept, or lies beyond some 922 million.
func ParseMoney(text string) (int64, error) {
	amount, err := rating.ParseMoney(text)
	switch {
	case errors.Is(err, rating.ErrOverflow):
		return 0, fault.Invalid("value", "must be between -922337203 and 922337203")
	case err != nil:
		return 0, fault.Invalid("value", "must be a decimal number with at most ten decimals")
	}
	return int64(amount), nil
}

// AppendMoney writes an amount as the shortest decimal string that is exact:
// "0.0125", "3", "-0.5".
func AppendMoney(dst []byte, amount int64) []byte { return rating.Money(amount).Append(dst) }
