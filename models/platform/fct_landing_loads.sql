with loads as (

    select * from {{ ref('stg_ops__loads') }}

),

open_dead_letters as (

    select
        load_id,
        source_name,
        dataset_name,
        count(case when is_open then 1 end) as open_dead_letter_count
    from {{ ref('stg_ops__dead_letters') }}
    group by load_id, source_name, dataset_name

),

final as (

    select
        loads.load_key,
        loads.load_id,
        loads.run_id,
        loads.source_name,
        loads.dataset_name,
        loads.load_status,
        loads.cursor_from,
        loads.cursor_to,
        loads.rows_read,
        loads.rows_good,
        loads.rows_rejected,
        loads.rows_unchanged,
        loads.rows_deleted,
        coalesce(open_dead_letters.open_dead_letter_count, 0) as open_dead_letter_count,
        cast(1.0 * loads.rows_rejected / nullif(loads.rows_read, 0) as decimal(9, 4)) as rejected_ratio,
        loads.started_at,
        loads.finished_at
    from loads
    left join open_dead_letters
        on loads.load_id = open_dead_letters.load_id
        and loads.source_name = open_dead_letters.source_name
        and loads.dataset_name = open_dead_letters.dataset_name

)

select * from final
