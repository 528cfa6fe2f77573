package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
	"github.com/spf13/cobra"
)

// phase is what one part of a benchmark took of all processors and of the clock, in seconds.
type phase struct {
	User   float64 `json:"user"`
	System float64 `json:"system"`
	Wall   float64 `json:"wall"`
}

// figures is the report of a benchmark.
type figures struct {
	// Load is reading and parsing, Compile all up to a query that can be evaluated.
	Load    phase `json:"load"`
	Compile phase `json:"compile"`
	// First is the first evaluation; Eval has all that follow.
	First phase `json:"first"`
	Eval  phase `json:"eval"`
	// Evaluations counts what Eval has.
	Evaluations int `json:"evaluations"`
	// Results counts the solutions of all evaluations, so that a benchmark of nothing is seen.
	Results int `json:"results"`
	// PeakKiB is the most memory that the program ever had resident.
	PeakKiB int64 `json:"peak_kib"`
}

func benchCommand() *cobra.Command {
	var paths, inputs, queries, functions []string
	var repeat, threads int
	command := &cobra.Command{
		Use:   "bench",
		Short: "Load and compile policies, evaluate queries on inputs, and report CPU seconds and peak memory as JSON",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			report, err := bench(paths, inputs, queries, functions, repeat, threads)
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(report)
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&paths, "data", nil, "file or folder of policies and data; can be repeated")
	flags.StringArrayVar(&inputs, "input", nil, "file with an input; can be repeated")
	flags.StringArrayVar(&queries, "query", nil, "query to evaluate on each input; can be repeated")
	flags.StringArrayVar(&functions, "function", nil, "NAME/ARITY of a host's function that is undefined; can be repeated")
	flags.IntVar(&repeat, "repeat", 1, "rounds over all inputs and queries")
	flags.IntVar(&threads, "threads", 1, "evaluations at a time")
	return command
}

func bench(paths, inputs, queries, functions []string, repeat, threads int) (*figures, error) {
	ctx := context.Background()
	report := &figures{}
	start := now()
	loaded, err := loader.NewFileLoader().WithProcessAnnotation(true).Filtered(paths, nil)
	if err != nil {
		return nil, err
	}
	report.Load = start.since()

	start = now()
	shared := []func(*rego.Rego){}
	declared := map[string]*ast.Builtin{}
	for _, function := range functions {
		name, arity, err := declaration(function)
		if err != nil {
			return nil, err
		}
		declared[name] = &ast.Builtin{Name: name, Decl: types.NewFunction(arity, types.A)}
		shared = append(shared, rego.FunctionDyn(&rego.Function{Name: name, Decl: declared[name].Decl},
			func(rego.BuiltinContext, []*ast.Term) (*ast.Term, error) { return nil, nil }))
	}
	compiler := ast.NewCompiler().WithBuiltins(declared)
	if compiler.Compile(loaded.ParsedModules()); compiler.Failed() {
		return nil, compiler.Errors
	}
	store, err := loaded.Store()
	if err != nil {
		return nil, err
	}
	prepared := make([]rego.PreparedEvalQuery, 0, len(queries))
	for _, query := range queries {
		options := append([]func(*rego.Rego){rego.Compiler(compiler), rego.Store(store), rego.Query(query)}, shared...)
		one, err := rego.New(options...).PrepareForEval(ctx)
		if err != nil {
			return nil, err
		}
		prepared = append(prepared, one)
	}
	report.Compile = start.since()

	values := make([]ast.Value, 0, len(inputs))
	for _, input := range inputs {
		text, err := os.ReadFile(input)
		if err != nil {
			return nil, err
		}
		value, err := ast.ValueFromReader(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", input, err)
		}
		values = append(values, value)
	}
	start = now()
	if len(values) > 0 {
		if report.Results, err = evaluate(ctx, prepared, values[0]); err != nil {
			return nil, err
		}
	}
	report.First = start.since()

	start = now()
	results, err := evaluateAll(ctx, prepared, values, repeat, threads)
	if err != nil {
		return nil, err
	}
	report.Eval = start.since()
	report.Evaluations = repeat * len(values) * len(prepared)
	report.Results += results
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return nil, err
	}
	report.PeakKiB = usage.Maxrss
	return report, nil
}

// evaluateAll runs all rounds, so many at a time; the number of solutions found.
func evaluateAll(ctx context.Context, queries []rego.PreparedEvalQuery, inputs []ast.Value, repeat, threads int) (int, error) {
	work := make(chan ast.Value)
	var lock sync.Mutex
	var wait sync.WaitGroup
	var total int
	var failed error
	for range max(threads, 1) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for input := range work {
				results, err := evaluate(ctx, queries, input)
				lock.Lock()
				total += results
				if err != nil {
					failed = err
				}
				lock.Unlock()
			}
		}()
	}
	for range repeat {
		for _, input := range inputs {
			work <- input
		}
	}
	close(work)
	wait.Wait()
	return total, failed
}

func evaluate(ctx context.Context, queries []rego.PreparedEvalQuery, input ast.Value) (int, error) {
	results := 0
	for _, query := range queries {
		found, err := query.Eval(ctx, rego.EvalParsedInput(input))
		if err != nil {
			return 0, err
		}
		results += len(found)
	}
	return results, nil
}

// declaration reads NAME/ARITY.
func declaration(text string) (string, []types.Type, error) {
	name, count, _ := strings.Cut(text, "/")
	arity, err := strconv.Atoi(count)
	if err != nil || arity < 0 {
		return "", nil, fmt.Errorf("%q is not NAME/ARITY", text)
	}
	arguments := make([]types.Type, arity)
	for i := range arguments {
		arguments[i] = types.A
	}
	return name, arguments, nil
}

// moment is where a phase starts.
type moment struct {
	usage syscall.Rusage
	wall  time.Time
}

func now() moment {
	m := moment{wall: time.Now()}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &m.usage)
	return m
}

func (m moment) since() phase {
	end := now()
	seconds := func(a, b syscall.Timeval) float64 { return time.Duration(b.Nano() - a.Nano()).Seconds() }
	return phase{
		User:   seconds(m.usage.Utime, end.usage.Utime),
		System: seconds(m.usage.Stime, end.usage.Stime),
		Wall:   end.wall.Sub(m.wall).Seconds(),
	}
}
