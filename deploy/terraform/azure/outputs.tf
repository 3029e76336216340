output "cluster" {
  description = "The cluster's name, for: az aks get-credentials --resource-group RESOURCE_GROUP --name CLUSTER"
  value       = azurerm_kubernetes_cluster.this.name
}

output "resource_group" {
  description = "Where everything is."
  value       = azurerm_resource_group.this.name
}

output "weir_client_id" {
  description = "For the chart: --set azure.workloadIdentity.enabled=true --set azure.workloadIdentity.clientId=…"
  value       = azurerm_user_assigned_identity.weir.client_id
}

output "weir_values" {
  description = "Values of the chart for this cluster: terraform output -raw weir_values > azure.yaml; helm … --values azure.yaml"
  value = yamlencode({
    azure = { workloadIdentity = { enabled = true, clientId = azurerm_user_assigned_identity.weir.client_id } }
    # Managed Prometheus has an API group of its own, and its agents are in kube-system.
    serviceMonitor = { enabled = var.enable_observability, apiGroup = "azmonitoring.coreos.com", labels = {} }
    networkPolicy  = { observabilityNamespaces = ["observability", "kube-system"] }
  })
}

output "log_analytics_workspace_id" {
  description = "Where lines are queried; null without observability."
  value       = one(azurerm_log_analytics_workspace.this[*].workspace_id)
}

output "prometheus_query_endpoint" {
  description = "Where counters are queried; null without observability."
  value       = one(azurerm_monitor_workspace.this[*].query_endpoint)
}

output "grafana_endpoint" {
  description = "Grafana; null without observability. Import observability/grafana/llm-analytics-prometheus.json."
  value       = one(azurerm_dashboard_grafana.this[*].endpoint)
}
