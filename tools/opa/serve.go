package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// request is what one line asks. Without a mode, the modules are compiled and each of the queries is evaluated.
type request struct {
	// Mode is empty, `parse` (the modules' syntax trees) or `fmt` (the modules formatted).
	Mode    string            `json:"mode"`
	Modules map[string]string `json:"modules"`
	// V0 chooses the old dialect for modules and queries.
	V0 bool `json:"v0"`
	// Lint is the compiler's strict mode.
	Lint    bool            `json:"lint"`
	Data    json.RawMessage `json:"data"`
	Queries []query         `json:"queries"`
	// Millis ends a query that takes longer; 0 is no limit.
	Millis int64 `json:"millis"`
}

type query struct {
	Query string          `json:"query"`
	Input json.RawMessage `json:"input"`
	// Strict makes errors of builtins end the evaluation.
	Strict bool  `json:"strict"`
	Now    int64 `json:"now"`
	// Unknowns asks for a partial evaluation.
	Unknowns []string `json:"unknowns"`
}

// answer has either errors (those of parsing or compiling the modules) or one answer for each query, or for each file.
type answer struct {
	Errors  []problem         `json:"errors,omitempty"`
	Queries []solved          `json:"queries,omitempty"`
	Files   map[string]solved `json:"files,omitempty"`
}

type solved struct {
	Errors []problem `json:"errors,omitempty"`
	// Result has each solution's variables; values as `encode` writes them.
	Result []map[string]any `json:"result,omitempty"`
	// Partial has the queries and modules that are left of a partial evaluation.
	Partial *residue `json:"partial,omitempty"`
	// Tree and Text are of the modes `parse` and `fmt`.
	Tree any    `json:"tree,omitempty"`
	Text string `json:"text,omitempty"`
}

type residue struct {
	Queries []string `json:"queries"`
	Support []string `json:"support"`
}

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Row     int    `json:"row,omitempty"`
	Col     int    `json:"col,omitempty"`
}

// serve answers requests on all processors; answers keep the order of their requests.
func serve(in io.Reader, out io.Writer) error {
	pending := make(chan chan []byte, 4*runtime.GOMAXPROCS(0))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	failed := make(chan error, 1)
	go func() {
		defer close(pending)
		reader := bufio.NewReaderSize(in, 1<<20)
		for {
			line, err := reader.ReadBytes('\n')
			if len(line) > 1 {
				done := make(chan []byte, 1)
				pending <- done
				slots <- struct{}{}
				go func() {
					defer func() { <-slots }()
					done <- respond(line)
				}()
			}
			if err != nil {
				if err != io.EOF {
					failed <- err
				}
				return
			}
		}
	}()
	writer := bufio.NewWriterSize(out, 1<<20)
	for done := range pending {
		if _, err := writer.Write(append(<-done, '\n')); err != nil {
			return err
		}
		if len(pending) == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
	}
	if err := writer.Flush(); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// respond answers one line; a panic of OPA is an answer, too.
func respond(line []byte) (out []byte) {
	var a answer
	defer func() {
		if r := recover(); r != nil {
			a = answer{Errors: []problem{{Code: "panic", Message: fmt.Sprint(r)}}}
		}
		var err error
		if out, err = json.Marshal(a); err != nil {
			out, _ = json.Marshal(answer{Errors: []problem{{Code: "answer", Message: err.Error()}}})
		}
	}()
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		a = answer{Errors: []problem{{Code: "request", Message: err.Error()}}}
		return
	}
	a = r.answer()
	return
}

func (r *request) parser() ast.ParserOptions {
	version := ast.RegoV1
	if r.V0 {
		version = ast.RegoV0
	}
	return ast.ParserOptions{RegoVersion: version, ProcessAnnotation: true, Capabilities: ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(version))}
}

func (r *request) answer() answer {
	switch r.Mode {
	case "parse", "fmt":
		files := map[string]solved{}
		for name, text := range r.Modules {
			files[name] = r.file(name, text)
		}
		return answer{Files: files}
	case "":
		return r.evaluate()
	}
	return answer{Errors: []problem{{Code: "request", Message: "unknown mode " + r.Mode}}}
}

func (r *request) file(name, text string) solved {
	if r.Mode == "fmt" {
		options := format.Opts{RegoVersion: r.parser().RegoVersion, ParserOptions: &ast.ParserOptions{RegoVersion: r.parser().RegoVersion}}
		formatted, err := format.SourceWithOpts(name, []byte(text), options)
		return solved{Text: string(formatted), Errors: problems(err)}
	}
	module, err := ast.ParseModuleWithOpts(name, text, r.parser())
	if err != nil {
		return solved{Errors: problems(err)}
	}
	return solved{Tree: module}
}

func (r *request) evaluate() answer {
	modules := make(map[string]*ast.Module, len(r.Modules))
	var errors []problem
	for _, name := range util.KeysSorted(r.Modules) {
		module, err := ast.ParseModuleWithOpts(name, r.Modules[name], r.parser())
		errors = append(errors, problems(err)...)
		modules[name] = module
	}
	if errors != nil {
		return answer{Errors: errors}
	}
	compiler := ast.NewCompiler().WithDefaultRegoVersion(r.parser().RegoVersion).WithStrict(r.Lint)
	if compiler.Compile(modules); compiler.Failed() {
		return answer{Errors: problems(compiler.Errors)}
	}
	data := map[string]any{}
	if len(r.Data) > 0 {
		if err := util.UnmarshalJSON(r.Data, &data); err != nil {
			return answer{Errors: []problem{{Code: "request", Message: "data: " + err.Error()}}}
		}
	}
	ctx := context.Background()
	store := inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false))
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return answer{Errors: problems(err)}
	}
	defer store.Abort(ctx, txn)
	out := answer{Queries: make([]solved, 0, len(r.Queries))}
	for _, q := range r.Queries {
		out.Queries = append(out.Queries, r.solve(ctx, q, compiler, store, txn))
	}
	return out
}

func (r *request) solve(ctx context.Context, q query, compiler *ast.Compiler, store storage.Store, txn storage.Transaction) solved {
	body, err := ast.ParseBodyWithOpts(q.Query, r.parser())
	if err != nil {
		return solved{Errors: problems(err)}
	}
	queryCompiler := compiler.QueryCompiler()
	compiled, err := queryCompiler.Compile(body)
	if err != nil {
		return solved{Errors: problems(err)}
	}
	run := topdown.NewQuery(compiled).WithQueryCompiler(queryCompiler).WithCompiler(compiler).WithStore(store).
		WithTransaction(txn).WithStrictBuiltinErrors(q.Strict).WithTime(time.Unix(0, q.Now)).WithSeed(rand.New(rand.NewSource(1)))
	if r.Millis > 0 {
		cancel := topdown.NewCancel()
		timer := time.AfterFunc(time.Duration(r.Millis)*time.Millisecond, cancel.Cancel)
		defer timer.Stop()
		run = run.WithCancel(cancel)
	}
	if len(q.Input) > 0 {
		value, err := ast.ValueFromReader(bytes.NewReader(q.Input))
		if err != nil {
			return solved{Errors: []problem{{Code: "request", Message: "input: " + err.Error()}}}
		}
		run = run.WithInput(ast.NewTerm(value))
	}
	if q.Unknowns != nil {
		return partial(ctx, run, q.Unknowns)
	}
	found, err := run.Run(ctx)
	if err != nil {
		return solved{Errors: problems(err)}
	}
	result := make([]map[string]any, 0, len(found))
	names := queryCompiler.RewrittenVars()
	for _, bindings := range found {
		one := map[string]any{}
		for name, term := range bindings {
			if written, ok := names[name]; ok {
				name = written
			}
			if !name.IsGenerated() && !name.IsWildcard() {
				one[string(name)] = encode(term.Value)
			}
		}
		result = append(result, one)
	}
	return solved{Result: result}
}

func partial(ctx context.Context, run *topdown.Query, unknowns []string) solved {
	terms := make([]*ast.Term, 0, len(unknowns))
	for _, text := range unknowns {
		term, err := ast.ParseTerm(text)
		if err != nil {
			return solved{Errors: problems(err)}
		}
		terms = append(terms, term)
	}
	queries, support, err := run.WithUnknowns(terms).PartialRun(ctx)
	if err != nil {
		return solved{Errors: problems(err)}
	}
	left := &residue{Queries: []string{}, Support: []string{}}
	for _, body := range queries {
		left.Queries = append(left.Queries, body.String())
	}
	for _, module := range support {
		left.Support = append(left.Support, module.String())
	}
	return solved{Partial: left}
}
