package policies

import "slices"

// ViewTexts returns each view with its condition as text, sorted. Plans with
// equal texts show the same views.
func (p *Plan) ViewTexts() []string {
	texts := make([]string, 0, len(p.Views))
	for _, v := range p.Views {
		texts = append(texts, v.Name+" when "+v.When.SortedText())
	}
	slices.Sort(texts)
	return texts
}

// ColumnTexts returns each column with its condition as text, sorted. Plans with
// equal texts show the same columns.
func (p *Plan) ColumnTexts() []string {
	var texts []string
	for _, group := range p.Columns {
		when := group.When.SortedText()
		for _, name := range group.Columns {
			texts = append(texts, name+" when "+when)
		}
	}
	slices.Sort(texts)
	return texts
}
