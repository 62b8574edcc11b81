package schema

import (
	"errors"

	"resellerd/store/fault"
	"resellerd/store/rating"
)

// ParseMoney reads a decimal string such as "0.0125" into an int64 with ten
// decimals. It returns ErrInvalid if the text is not a plain decimal number,
// has more than ten decimals, or is beyond about 922 million.
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

// AppendMoney appends an amount as the shortest exact decimal string: "0.0125",
// "3", "-0.5".
func AppendMoney(dst []byte, amount int64) []byte { return rating.Money(amount).Append(dst) }
