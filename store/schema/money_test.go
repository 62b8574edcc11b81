package schema

import (
	"math"
	"strings"
	"testing"
)

func TestMoneyIsReadAndWrittenExactly(t *testing.T) {
	t.Parallel()
	for text, amount := range map[string]int64{
		"0": 0, "1": 1e10, "0.0125": 125e6, "-0.5": -5e9, "0.0000000001": 1,
		"922337203.6854775807": math.MaxInt64, "-922337203.6854775808": math.MinInt64, "100": 1e12,
	} {
		if got, err := ParseMoney(text); err != nil || got != amount {
			t.Errorf("ParseMoney(%q) = %d, %v", text, got, err)
		}
		if got := string(AppendMoney(nil, amount)); got != text {
			t.Errorf("AppendMoney(%d) = %s", amount, got)
		}
	}
	for text, amount := range map[string]int64{"1.500": 15e9, "007": 7e10, "-0": 0, "1.00000000000000": 1e10} {
		if got, err := ParseMoney(text); err != nil || got != amount {
			t.Errorf("ParseMoney(%q) = %d, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "1e3", "1,5", " 1", "+1", "0x1", "NaN", "1.2.3", "--1", "1-", "0.00000000001",
		"922337203.6854775808", "-922337203.6854775809", strings.Repeat("9", 60), strings.Repeat("0", 65), "١",
	} {
		if got, err := ParseMoney(text); err == nil {
			t.Errorf("ParseMoney(%q) = %d", text, got)
		}
	}
}

func FuzzMoney(f *testing.F) {
	for _, text := range []string{"0", "-0.5", "922337203.6854775807", "1e9", "", "0.00000000001"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := ParseMoney(text)
		if err != nil {
			return
		}
		again, err := ParseMoney(string(AppendMoney(nil, amount)))
		if err != nil || again != amount {
			t.Errorf("%q is %d, then %d, %v", text, amount, again, err)
		}
	})
}
