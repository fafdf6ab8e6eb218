{# Splits totals over the rows of a unit by weight, so that the shares add up to the total exactly. Going through the rows by
   order_by, each gets what the rounded share of all rows so far exceeds that of the rows before it: no share is a whole
   smallest unit (0.0001) off, no running total more than half of one. Weights that are null or negative count as 0;
   where no row of a unit has a weight, all weigh the same. A negative total is split like a positive one, its sign put
   back. A null total gives null shares. Adds one column for each entry of `allocations`: {name: {total: ..., weight: ...}},
   where the total is the same in all rows of the unit. One ordered pass over the rows, and integers throughout: DuckDB
   divides decimals as floating point. #}
{% macro allocate(input, unit, order_by, allocations) -%}
    {%- set weights = allocations.values() | map(attribute='weight') | unique | list -%}
    {%- set window = "over (partition by " ~ unit ~ " order by " ~ order_by ~ " rows between unbounded preceding and " -%}
    {%- set helpers = ['row_number__', 'row_count__'] -%}
    {%- for name in allocations %}{% do helpers.extend([name ~ '__units', name ~ '__share']) %}{% endfor -%}
    {%- for weight in weights -%}
        {%- set n = loop.index0 -%}
        {%- do helpers.extend(['weight__' ~ n, 'sum__' ~ n, 'total__' ~ n, 'before__' ~ n, 'after__' ~ n, 'whole__' ~ n]) -%}
    {%- endfor -%}
    select
        shared.* exclude ({{ helpers | join(', ') }}),
        {%- for name, entry in allocations.items() %}
        {{ amount_of_units("case when " ~ entry.total ~ " < 0 then -" ~ name ~ "__share else " ~ name ~ "__share end") }} as {{ name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            placed.*,
            {%- for name, entry in allocations.items() %}
            {%- set n, units = weights.index(entry.weight), name ~ '__units' %}
            {{ whole_share(units, 'after__' ~ n, 'whole__' ~ n) }} - {{ whole_share(units, 'before__' ~ n, 'whole__' ~ n) }} as {{ name }}__share
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            select
                summed.*,
                {%- for weight in weights %}
                {%- set n = loop.index0 %}
                case when total__{{ n }} = 0 then row_number__ - 1 else sum__{{ n }} - weight__{{ n }} end as before__{{ n }},
                case when total__{{ n }} = 0 then row_number__ else sum__{{ n }} end as after__{{ n }},
                case when total__{{ n }} = 0 then row_count__ else total__{{ n }} end as whole__{{ n }}
                {{- ',' if not loop.last }}
                {%- endfor %}
            from (
                select
                    weighed.*,
                    {%- for weight in weights %}
                    {%- set n = loop.index0 %}
                    cast(sum(weight__{{ n }}) {{ window }}current row) as {{ whole_type() }}) as sum__{{ n }},
                    cast(sum(weight__{{ n }}) {{ window }}unbounded following) as {{ whole_type() }}) as total__{{ n }},
                    {%- endfor %}
                    count(*) {{ window }}current row) as row_number__,
                    count(*) {{ window }}unbounded following) as row_count__
                from (
                    select
                        {{ input }}.*,
                        {%- for name, entry in allocations.items() %}
                        {{ whole_units('abs(' ~ entry.total ~ ')') }} as {{ name }}__units,
                        {%- endfor %}
                        {%- for weight in weights %}
                        {{ whole_units('greatest(coalesce(' ~ weight ~ ', 0), 0)') }} as weight__{{ loop.index0 }}
                        {{- ',' if not loop.last }}
                        {%- endfor %}
                    from {{ input }}
                ) as weighed
            ) as summed
        ) as placed
    ) as shared
{%- endmacro %}
