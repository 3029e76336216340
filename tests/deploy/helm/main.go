// Renders a chart as Helm does: Go's own templates, the functions of sprig, and those that Helm adds. It knows what our chart
// uses and no more: no subcharts, no hooks, no cluster to look things up in.
//
//	render CHART RELEASE NAMESPACE [VALUES.yaml …]      the objects
//	render --values CHART [VALUES.yaml …]               the values put together, as JSON
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type values = map[string]interface{}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) >= 2 && args[0] == "--values" {
		all, err := together(args[1], args[2:])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	if len(args) < 3 {
		return errors.New("usage: render CHART RELEASE NAMESPACE [VALUES.yaml ...]")
	}
	chart, release, namespace := args[0], args[1], args[2]
	all, err := together(chart, args[3:])
	if err != nil {
		return err
	}
	about, err := read(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return err
	}
	data := values{
		"Values": all,
		"Chart":  upper(about),
		"Release": values{
			"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1,
		},
		"Capabilities": values{"KubeVersion": values{"Version": "v1.34.0", "Major": "1", "Minor": "34"}},
	}
	return render(chart, data)
}

// The chart's values with those of the files over them.
func together(chart string, files []string) (values, error) {
	all, err := read(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		over, err := read(file)
		if err != nil {
			return nil, err
		}
		all = merge(all, over)
	}
	return all, nil
}

func read(file string) (values, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := values{}
	return out, yaml.UnmarshalStrict(text, &out)
}

// Tables are put together; null takes a default away; everything else replaces it.
func merge(under, over values) values {
	for key, value := range over {
		inner, isTable := value.(values)
		below, wasTable := under[key].(values)
		switch {
		case value == nil:
			delete(under, key)
		case isTable && wasTable:
			under[key] = merge(below, inner)
		default:
			under[key] = value
		}
	}
	return under
}

// Chart.yaml's names begin with a capital letter in templates.
func upper(about values) values {
	out := values{}
	for key, value := range about {
		out[strings.ToUpper(key[:1])+key[1:]] = value
	}
	return out
}

func render(chart string, data values) error {
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := all.New(filepath.Base(file)).Parse(string(text)); err != nil {
			return err
		}
	}
	empty := regexp.MustCompile(`(?m)^\s*(#.*)?$\n?`)
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, name, data); err != nil {
			return err
		}
		// What Helm leaves for templates that do not know a value.
		text := strings.ReplaceAll(out.String(), "<no value>", "")
		if name == "NOTES.txt" || empty.ReplaceAllString(text, "") == "" {
			continue
		}
		fmt.Printf("---\n# Source: weir/templates/%s\n%s\n", name, strings.TrimSpace(text))
	}
	return nil
}

func functions(all *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	// Helm takes these away, and so do we.
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["toJson"] = func(value interface{}) string {
		text, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		return string(text)
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out strings.Builder
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	return functions
}
