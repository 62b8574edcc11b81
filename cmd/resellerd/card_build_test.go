package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestARebuildIsToldALineACard(t *testing.T) {
	var out bytes.Buffer
	answer := `{"card_id":"crd_a","result":"built","revision_id":"rev_a","status":"draft","rows":3}
{"card_id":"crd_b","result":"already_built","revision_id":"rev_b","status":"active","rows":4}
{"card_id":"crd_c","result":"fresh"}
{"card_id":"crd_d","result":"refused","code":"conflict","detail":"2 prefixes","reasons":["sells_at_loss"]}
{"cards":4,"built":1,"already_built":1,"fresh":1,"refused":1}
`
	err := eachLine(strings.NewReader(answer), func(_ []byte, l rebuiltLine) error { l.print(&out); return nil },
		func(l rebuiltLine) bool { return l.Cards != nil })
	want := `crd_a  built: rev_a draft, 3 rows
crd_b  already built: rev_b active, 4 rows
crd_c  fresh
crd_d  refused: 2 prefixes sells_at_loss
1 built, 1 already built, 1 fresh, 1 refused
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}
