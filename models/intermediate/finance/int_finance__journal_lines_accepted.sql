with lines as (

    select * from {{ ref('int_finance__journal_lines_validated') }}
    where reason_codes is null

),

cost_centers as (

    select * from {{ ref('dim_cost_center') }}

),

accounts as (

    select * from {{ ref('dim_gl_account') }}

),

final as (

    select
        lines.*,
        coalesce(cost_centers.cost_center_key, {{ unknown_member_key() }}) as cost_center_key,
        coalesce(accounts.gl_account_key, {{ unknown_member_key() }}) as gl_account_key
    from lines
    {{ point_in_time_join('cost_centers', 'cost_center_id', 'lines', 'accounting_date') }}
    left join accounts on lines.gl_account_id = accounts.gl_account_id

)

select * from final
