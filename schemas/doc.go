// Package schemas holds what may be said to the tools and what they answer: the
// option rules of the four kinds of order, the input and output types, their
// JSON Schemas, and the decoder that judges a call.
//
// The option rules are one table (rules.go), taken from the API document. From
// it come the JSON Schemas that hosts are shown ([InputSchema]), the judgement
// of a call ([Decode]), the form that an order sends (the Order methods of the
// inputs), what the simulated API refuses ([CheckForm]), and the table in the
// documentation ([RulesMarkdown]). Everything else about the inputs, lengths
// and the tools that have no options, is the table in tools.go.
//
// [Decode] is where a call enters. It reads the arguments once, strictly, and
// returns either a valid input or an [InvalidInput] that names every problem
// together: the field, the value sent, what is allowed, what to change, and
// which other order tool takes the option where one does.
//
// The published JSON Schemas use only what every host keeps. They are generated
// by reflection from the types, completed from the tables, and stored under
// golden/, from where they are embedded: a server neither reflects nor
// generates anything when it starts. A test keeps the files equal to their
// source; go generate writes them anew.
package schemas

//go:generate go test . -run TestGoldenFilesMatchTheirSource -update
