{# Judges each row of a CTE by the rules that the model's own YAML lists under config.meta.quarantine_rules, each rule once:
       - {code: QUANTITY_NOT_POSITIVE, severity: error, holds: ordered_quantity > 0, means: Nothing was ordered.}
   A rule that comes out null is broken. Adds reason_codes (critical and error: the row goes to quarantine), warning_codes
   (warn: the row flows on, marked) and severity, the worst of them. Codes are separated by a blank; none is null. #}
{% macro evaluate_rules(input) -%}
    {%- set rules = quarantine_rules_of(model) -%}
    {%- set codes = {'critical': [], 'error': [], 'warn': []} -%}
    {%- for rule in rules -%}
        {%- do codes[rule.severity].append(
            "case when coalesce((" ~ rule.holds ~ "), false) then '' else '" ~ rule.code ~ " ' end"
        ) -%}
    {%- endfor -%}
    select
        judged.* exclude (critical_codes, error_codes, warn_codes),
        nullif(trim(critical_codes || error_codes), '') as reason_codes,
        nullif(trim(warn_codes), '') as warning_codes,
        case
            when critical_codes <> '' then 'critical'
            when error_codes <> '' then 'error'
            when warn_codes <> '' then 'warn'
        end as severity
    from (
        select
            {{ input }}.*,
            {%- for severity, cases in codes.items() %}
            {{ cases | join('\n                || ') if cases else "''" }} as {{ severity }}_codes
            {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ input }}
    ) as judged
{%- endmacro %}

{# The rules of a node, checked: a misspelt severity must not let rows through. #}
{% macro quarantine_rules_of(node) -%}
    {#- A unit test compiles the model as a node of its own, without the model's config. The rules are handed over when dbt
        parses the test: later it no longer shows the tested model. -#}
    {%- if not execute and node.resource_type == 'unit_test' -%}
        {%- do config.model.config.meta.update(graph.nodes[node.tested_node_unique_id].config.meta) -%}
    {%- endif -%}
    {%- set rules = ((node.config or {}).get('meta') or {}).get('quarantine_rules') or [] -%}
    {%- set seen = [] -%}
    {%- for rule in rules -%}
        {%- set where = "rule " ~ (rule.code or rule) ~ " of " ~ node.name -%}
        {%- if not modules.re.fullmatch('[A-Z][A-Z0-9_]*', rule.code or '') -%}
            {{ exceptions.raise_compiler_error(where ~ ": give it a code in capitals, such as QUANTITY_NOT_POSITIVE") }}
        {%- elif rule.code in seen -%}
            {{ exceptions.raise_compiler_error(where ~ " is there twice") }}
        {%- elif rule.severity not in ['critical', 'error', 'warn'] -%}
            {{ exceptions.raise_compiler_error(where ~ ": severity is critical, error or warn") }}
        {%- elif not rule.holds -%}
            {{ exceptions.raise_compiler_error(where ~ ": give under holds the condition that a good row meets") }}
        {%- elif not rule.means -%}
            {{ exceptions.raise_compiler_error(where ~ ": say under means what is wrong with the row and who can mend it") }}
        {%- endif -%}
        {%- do seen.append(rule.code) -%}
    {%- endfor -%}
    {%- if execute and not rules -%}
        {{ exceptions.raise_compiler_error(node.name ~ " has no rules under config: meta: quarantine_rules") }}
    {%- endif -%}
    {{ return(rules) }}
{%- endmacro %}
