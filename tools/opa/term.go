package main

import (
	"errors"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// encode writes a value as JSON that loses nothing: arrays as they are, and one member that names the type for numbers
// (their text), objects (their pairs) and sets.
func encode(value ast.Value) any {
	switch value := value.(type) {
	case ast.Null:
		return nil
	case ast.Boolean:
		return bool(value)
	case ast.String:
		return string(value)
	case ast.Number:
		return map[string]any{"number": string(value)}
	case *ast.Array:
		items := make([]any, 0, value.Len())
		value.Foreach(func(item *ast.Term) { items = append(items, encode(item.Value)) })
		return items
	case ast.Object:
		pairs := make([]any, 0, value.Len())
		for _, key := range value.Keys() {
			pairs = append(pairs, []any{encode(key.Value), encode(value.Get(key).Value)})
		}
		return map[string]any{"object": pairs}
	case ast.Set:
		items := make([]any, 0, value.Len())
		for _, item := range value.Slice() {
			items = append(items, encode(item.Value))
		}
		return map[string]any{"set": items}
	}
	return map[string]any{"term": value.String()}
}

// problems lists what an error of any of OPA's layers says.
func problems(err error) []problem {
	if err == nil {
		return nil
	}
	var list ast.Errors
	var one *ast.Error
	var run *topdown.Error
	switch {
	case errors.As(err, &list):
		out := make([]problem, 0, len(list))
		for _, e := range list {
			out = append(out, located(e.Code, e.Message, e.Location))
		}
		return out
	case errors.As(err, &one):
		return []problem{located(one.Code, one.Message, one.Location)}
	case errors.As(err, &run):
		return []problem{located(run.Code, run.Message, run.Location)}
	}
	return []problem{{Code: "other", Message: err.Error()}}
}

func located(code, message string, location *ast.Location) problem {
	p := problem{Code: code, Message: message}
	if location != nil {
		p.File, p.Row, p.Col = location.File, location.Row, location.Col
	}
	return p
}
