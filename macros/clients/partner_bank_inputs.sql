{# CTEs, the last of which, input_hashes, has client_id and inputs_hash: one digest of all that the partner-bank indicators of a
   client up to a week end are made of. Equal digests, equal indicators: what changes only weeks after that one is cut off, and
   the text of partner_bank_weeks is part of it. The arguments are relations or CTEs; closed_through is an SQL expression. #}
{% macro partner_bank_input_hashes(closed_through, relationships, declarations, balances, payment_weeks) -%}
    {%- set definition = local_md5(partner_bank_weeks() ~ history_start()) -%}
    {%- set day_after = dbt.dateadd('day', 1, closed_through) -%}
    {%- set parts = [
        ('relationships', relationships, 'active_from_date', [
            'relationship_id', 'bank_group', 'bank_product', 'started_date', 'active_from_date',
            'least(active_to_date, ' ~ closed_through ~ ')',
        ]),
        ('declarations', declarations, 'declared_from_date', [
            'bank_group', 'declared_from_date', 'least(declared_to_date, ' ~ closed_through ~ ')',
        ]),
        ('balances', 'held_balances', 'valid_from_date', [
            'relationship_id', 'balance_amount_gbp', 'valid_from_date', 'least(valid_to_date, ' ~ day_after ~ ')',
        ]),
        ('payments', payment_weeks, dbt.dateadd('day', '7 * week_number', "cast('1900-01-01' as date)"), [
            'bank_group', 'week_number', 'payment_count', 'payment_amount_gbp',
        ]),
    ] -%}
client_relationships as (

    select distinct
        relationship_id,
        client_id
    from {{ relationships }}

),

held_balances as (

    select
        client_relationships.client_id,
        balances.*
    from {{ balances }} as balances
    inner join client_relationships on balances.relationship_id = client_relationships.relationship_id

),

parts as (
{% for name, relation, from_date, columns in parts %}
    select
        client_id,
        '{{ name }}'
        {%- for column in columns %}
        || ',' || coalesce(cast({{ column }} as {{ dbt.type_string() }}), '-')
        {%- endfor %} as part
    from {{ relation }}
    where {{ from_date }} <= {{ closed_through }}
    {{ 'union all' if not loop.last }}
{%- endfor %}

),

input_hashes as (

    select
        client_id,
        {{ dbt.hash(
            "'" ~ definition ~ "' || cast(" ~ closed_through ~ " as " ~ dbt.type_string() ~ ") || "
            ~ dbt.listagg('part', "'|'", 'order by part')
        ) }} as inputs_hash
    from parts
    group by client_id

)
{%- endmacro %}

{# Last week end up to which the closed weeks have been calculated; the start of history for an empty table. #}
{% macro calculated_through(closed_weeks) -%}
    (
        select coalesce(max(known.closed_through_date), cast({{ history_start() }} as date))
        from {{ closed_weeks }} as known
    )
{%- endmacro %}

{# Before an incremental run: takes the clients out of the closed weeks whose input up to the last of those weeks is not what
   they were calculated from, so that the run calculates them anew. #}
{% macro delete_changed_clients(closed_weeks, relationships, declarations, balances, payment_weeks) -%}
    {%- if is_incremental_run() -%}
        delete from {{ closed_weeks }}
        where client_id in (
            with {{ partner_bank_input_hashes(
                calculated_through(closed_weeks), relationships, declarations, balances, payment_weeks
            ) }},

            stored as (

                select
                    client_id,
                    inputs_hash
                from {{ closed_weeks }}
                qualify row_number() over (partition by client_id order by closed_through_date desc) = 1

            )

            select stored.client_id
            from stored
            left join input_hashes on stored.client_id = input_hashes.client_id
            where input_hashes.inputs_hash is null or stored.inputs_hash <> input_hashes.inputs_hash
        )
    {%- endif -%}
{%- endmacro %}
